"""CLIPs of any size with random weights, in the operators that exporters write."""

from pathlib import Path

import onnx

from imgvec_benchmarks.shapes.sizes import Clip
from imgvec_benchmarks.shapes.text import text_tower
from imgvec_benchmarks.shapes.vision import image_tower


def write_towers(clip: Clip, folder: Path) -> None:
    """Write `image.onnx` and `text.onnx` of a CLIP, unless they are there; a seed fixes both."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (("image", image_tower), ("text", text_tower)):
        path = folder / f"{name}.onnx"
        if not path.exists():
            partial = path.with_suffix(".partial")
            onnx.save(make(clip), partial)
            partial.replace(path)

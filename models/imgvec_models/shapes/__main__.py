"""`python -m imgvec_models.shapes {b32,l14,small} FOLDER`: write both towers there."""

import sys
from pathlib import Path

import onnx

from imgvec_models.shapes.sizes import B32, L14, SMALL, Clip
from imgvec_models.shapes.text import text_tower
from imgvec_models.shapes.vision import image_tower

SIZES = {"b32": B32, "l14": L14, "small": SMALL}


def write_towers(clip: Clip, folder: Path) -> None:
    """Write `image.onnx` and `text.onnx` of a CLIP, unless they are there; a seed fixes both."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (("image", image_tower), ("text", text_tower)):
        path = folder / f"{name}.onnx"
        if not path.exists():
            partial = path.with_suffix(".partial")
            onnx.save(make(clip), partial)
            partial.replace(path)


if __name__ == "__main__":
    write_towers(SIZES[sys.argv[1]], Path(sys.argv[2]))

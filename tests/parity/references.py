"""What OpenAI's preprocessing and tokenizer, and transformers', make of pictures and texts.

    .cache/peers/bin/python tests/parity/references.py FOLDER

reads `FOLDER/pictures/*` and `FOLDER/texts.json`; writes `FOLDER/pixels.npz` (by reference,
float32 [n, 3, 224, 224]) and `FOLDER/found.json`. Nothing of ours is imported. Both references
leave orientation, transparency and depth to who opens the file, so Pillow's own functions do those.

With a `FOLDER/geometries.json` it is open_clip's transform for each of them (uint8
[n, size, size, 3]), and its tokenizer around `FOLDER/tokenizer`.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer, basic_clean, default_bpe
from open_clip.transform import image_transform
from PIL import Image, ImageOps
from torchvision.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Normalize,
    Resize,
    ToTensor,
)
from transformers import CLIPImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

SIZE, TOKENS, CONTEXT = 224, 77, 64
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)

Tensor = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Preprocess = Callable[[Image.Image], Tensor]


def opened(path: Path) -> Image.Image:
    """The first frame of a file, upright, on white, in RGB."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
    if image.mode == "I;16":
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


def preprocessors() -> dict[str, Preprocess]:
    """CLIP's preprocessing by who wrote it; transformers has one with Pillow and one with torch."""
    openai = Compose(
        [
            Resize(SIZE, interpolation=InterpolationMode.BICUBIC),
            CenterCrop(SIZE),
            ToTensor(),
            Normalize(MEAN, STD),
        ]
    )
    by_torch, by_pillow = CLIPImageProcessor(), CLIPImageProcessorPil()
    return {
        "OpenAI": lambda image: np.asarray(openai(image), np.float32),
        "transformers, Pillow": lambda image: _first(by_pillow, image),
        "transformers, torch": lambda image: _first(by_torch, image),
    }


def _first(processor: Callable[..., dict[str, list[Tensor]]], image: Image.Image) -> Tensor:
    return np.asarray(processor(images=image, return_tensors="np")["pixel_values"][0], np.float32)


def tokens(text: str, tokenizer: SimpleTokenizer) -> list[int]:
    """Start, tokens and end, as many as CLIP takes."""
    count = min(TOKENS, len(tokenizer.encode(text)) + 2)
    found: list[int] = tokenizer(text, TOKENS)[0, :count].tolist()
    return found


def squares(images: list[Image.Image], size: int, mode: str, interpolation: str) -> Bytes:
    """What open_clip's transform makes of the images, before mean and deviation."""
    transform = image_transform(
        size,
        is_train=False,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        resize_mode=mode,
        interpolation=interpolation,
    )
    found = np.stack([np.asarray(transform(image), np.float32) for image in images])
    return np.rint(found * 255).astype(np.uint8).transpose(0, 2, 3, 1)


def write_open_clip(folder: Path, images: list[Image.Image], texts: list[str]) -> None:
    """Write open_clip's pixels by geometry, and its token ids by cleaner."""
    geometries = json.loads((folder / "geometries.json").read_text())
    pixels = {str(place): squares(images, *one) for place, one in enumerate(geometries)}
    np.savez(folder / "pixels.npz", allow_pickle=False, **pixels)
    ids = {}
    for clean in ("whitespace", "canonicalize"):
        tokenizer = HFTokenizer(str(folder / "tokenizer"), context_length=CONTEXT, clean=clean)
        ids[clean] = tokenizer(texts).tolist()
    found = {"pillow": PIL.__version__, "plain": [basic_clean(text) for text in texts], "ids": ids}
    (folder / "found.json").write_text(json.dumps(found))


def main() -> None:
    """Write both files."""
    folder = Path(sys.argv[1])
    images = [opened(path) for path in sorted((folder / "pictures").iterdir())]
    if (folder / "geometries.json").exists():
        write_open_clip(folder, images, json.loads((folder / "texts.json").read_text()))
        return
    np.savez(
        folder / "pixels.npz",
        allow_pickle=False,
        **{who: np.stack([make(i) for i in images]) for who, make in preprocessors().items()},
    )
    texts, tokenizer = json.loads((folder / "texts.json").read_text()), SimpleTokenizer()
    written = {
        "pillow": PIL.__version__,
        "sizes": [image.size for image in images],
        "vocabulary": default_bpe(),
        "cleaned": [basic_clean(text) for text in texts],
        "tokens": [tokens(text, tokenizer) for text in texts],
    }
    (folder / "found.json").write_text(json.dumps(written))


if __name__ == "__main__":
    main()

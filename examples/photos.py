"""The photos of the recipes, crops of pictures that ship. Put your own in their place."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

PATHS = sorted(Path(__file__).parents[1].glob("models/imgvec_models/calibration/photos/*.jpg"))
LABELS = np.array([path.stem.rpartition("-")[0] for path in PATHS])
"""The picture that each photo is cut from, such as `coffee`."""
FIRSTS = [path for path in PATHS if path.stem.endswith("-0")]
"""One photo of each picture."""


def saved(image: Image.Image, kind: str = "PNG", quality: int = 90) -> bytes:
    """The image as a file."""
    file = BytesIO()
    image.save(file, kind, quality=quality, compress_level=1)
    return file.getvalue()


def edited(path: Path) -> dict[str, bytes]:
    """The same photo as other people may have it."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    inner = (width // 10, height // 10, width - width // 10, height - height // 10)
    return {
        "JPEG q30": saved(image, "JPEG", 30),
        "half size": saved(image.resize((width // 2, height // 2))),
        "80 % crop": saved(image.crop(inner)),
        "flipped": saved(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        "brighter": saved(ImageEnhance.Brightness(image).enhance(1.3)),
    }


def turned(path: Path, degrees: int) -> bytes:
    """The photo, turned counterclockwise."""
    return saved(Image.open(path).convert("RGB").rotate(degrees, expand=True))

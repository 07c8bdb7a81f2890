"""How the calibration photos were made: crops of scikit-image's, every third distorted.

All are in the public domain or CC0, as scikit-image's docstrings say. Needs scikit-image; run it
as `python -m tests.support.models.calibration_photos` to make them again.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from skimage import data

from imgvec_models.calibration.feeds import PHOTOS

SIDE = 260
"""Pixels: the starter's input, and more than CLIP's 224."""
QUALITY = 80
SEED = 3
CROPS = {
    "astronaut": 9,
    "chelsea": 9,
    "coffee": 9,
    "rocket": 8,
    "camera": 7,
    "retina": 5,
    "hubble_deep_field": 5,
    "clock": 3,
    "brick": 2,
    "grass": 2,
    "gravel": 2,
    "horse": 1,
    "text": 2,
}
"""How many crops of each; the first of each is of the whole height or width."""


def photos() -> Iterator[tuple[str, Image.Image]]:
    """All photos with their names, the same at each call."""
    random = np.random.default_rng(SEED)
    count = 0
    for name, crops in CROPS.items():
        whole = Image.fromarray(np.asarray(getattr(data, name)()).astype(np.uint8)).convert("RGB")
        for number in range(crops):
            share = 1.0 if number == 0 else random.uniform(0.3, 0.9)
            side = int(min(whole.size) * share)
            left, top = (int(random.uniform(0, length - side + 1)) for length in whole.size)
            crop = whole.crop((left, top, left + side, top + side))
            photo = crop.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            if count % 3 == 2:
                photo = _distorted(photo, count // 3 % 6)
            yield f"{name}-{number}.jpg", photo
            count += 1


def _distorted(photo: Image.Image, way: int) -> Image.Image:
    """What photos meet on their way: grey, blur, too dark, too bright, too colourful, mirrored."""
    if way == 0:
        return ImageOps.grayscale(photo).convert("RGB")
    if way == 1:
        return photo.filter(ImageFilter.GaussianBlur(4))
    if way in (2, 3):
        return ImageEnhance.Brightness(photo).enhance(0.35 if way == 2 else 2.0)
    if way == 4:
        return ImageEnhance.Color(photo).enhance(2.5)
    return ImageOps.mirror(photo)


if __name__ == "__main__":
    PHOTOS.mkdir(exist_ok=True)
    for file, photo in photos():
        photo.save(PHOTOS / file, quality=QUALITY, optimize=True)

"""Fifty-odd pictures of every format, mode, size and orientation that the image contract names."""

import numpy as np
from PIL import Image

from imgvec_models.calibration.feeds import PHOTOS as CALIBRATION
from tests.support.images.pictures import (
    ORIENTATIONS,
    PHOTOS,
    encoded,
    oriented,
    photo,
    photo_jpeg,
    png_file,
)
from tests.support.server.places import ROOT

SIZES = [(1, 1), (3, 250), (17, 13), (223, 225), (224, 224), (225, 339), (300, 451), (451, 300)]
SIZES += [(447, 1000), (640, 480), (895, 671), (2000, 100)]
"""Width and height. Sides that divide evenly, and sides whose excess rounds either way."""
LARGE = ((1600, 1200), (2001, 3001), (3000, 1800))
"""JPEGs that are decoded at a reduced scale."""


def every_kind() -> dict[str, bytes]:
    """Files by what they are; those called `large ...` are decoded at a reduced scale."""
    files = {f"PNG {w} x {h}": encoded(photo(size=(w, h)), "PNG") for w, h in SIZES}
    files |= {f"PNG {name}": encoded(photo(name), "PNG") for name in PHOTOS}
    files |= _formats() | _modes()
    upright = photo("coffee", (320, 250))
    files |= {
        f"JPEG orientation {turn}": oriented(upright, "JPEG", turn, quality=90)
        for turn in ORIENTATIONS
    }
    files["TIFF orientation 6"] = oriented(upright, "TIFF", 6)
    files["PNG orientation 3"] = oriented(upright, "PNG", 3)
    shipped = sorted(CALIBRATION.glob("*-0.jpg"))[:10]
    files |= {path.name: path.read_bytes() for path in (*shipped, *ROOT.glob("examples/*.jpg"))}
    return files | {f"large JPEG {w} x {h}": photo_jpeg(w, h) for w, h in LARGE}


def _formats() -> dict[str, bytes]:
    image = photo("astronaut", (333, 250))
    return {
        "JPEG": encoded(image, "JPEG", quality=85),
        "JPEG progressive": encoded(image, "JPEG", quality=85, progressive=True),
        "JPEG grey": encoded(image.convert("L"), "JPEG"),
        "JPEG CMYK": encoded(image.convert("CMYK"), "JPEG"),
        "MPO": encoded(image, "MPO", save_all=True, append_images=[photo("rocket", (333, 250))]),
        "WebP": encoded(image, "WEBP", quality=80),
        "WebP lossless": encoded(image, "WEBP", lossless=True),
        "GIF": encoded(image, "GIF"),
        "BMP": encoded(image, "BMP"),
        "TIFF LZW": encoded(image, "TIFF", compression="tiff_lzw"),
    }


def _modes() -> dict[str, bytes]:
    image = photo("flower", (410, 273))
    clear = image.copy()
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    grey = np.asarray(image.convert("L"), np.uint16)[:, :, np.newaxis]
    return {
        "PNG L": encoded(image.convert("L"), "PNG"),
        "PNG 1": encoded(image.convert("1"), "PNG"),
        "PNG P": encoded(image.quantize(64), "PNG"),
        "PNG RGBA": encoded(clear, "PNG"),
        "PNG LA": encoded(clear.convert("LA"), "PNG"),
        "WebP RGBA": encoded(clear, "WEBP", lossless=True),
        "PNG 16-bit": png_file(grey * 257, 0),
    }

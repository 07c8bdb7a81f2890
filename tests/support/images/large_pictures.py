"""A large picture of each kind, and the memory that its decode takes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from tests.support.images.pictures import encoded, photo
from tests.support.images.pngs import RGB, RGB_ALPHA, png

Size = tuple[int, int]

_PEAK: Final = """
import io, sys, time
from pathlib import Path
from PIL import Image
from imgvec.images.decode import ImageLimits, decode

def kilobytes(name):
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if name in one]
    return int(line.split()[1])

limits = ImageLimits(1_000_000_000, 50_000_000, 1)
data = Path(sys.argv[1]).read_bytes()
for format in ("PNG", "WEBP", "JPEG"):
    small = io.BytesIO()
    Image.new("RGB", (8, 8)).save(small, format)
    decode(small.getvalue(), 224, limits)
idle, before = kilobytes("VmRSS"), time.process_time()
Path("/proc/self/clear_refs").write_text("5")
decode(data, 224, limits)
print(kilobytes("VmHWM") - idle, time.process_time() - before)
"""


def _rgb(size: Size) -> Image.Image:
    return photo("china").resize(size, Image.Resampling.BILINEAR)


def _palette(size: Size) -> Image.Image:
    """By the quicker of Pillow's ways: which colours there are is nothing to a decoder."""
    return _rgb(size).quantize(128, Image.Quantize.FASTOCTREE)


def _rgba(size: Size) -> Image.Image:
    image = _rgb(size)
    image.putalpha(Image.linear_gradient("L").resize(size))
    return image


def _wide_png(image: Image.Image, interlaced: bool = False) -> bytes:
    """A PNG of 16 bits a sample, which Pillow does not write."""
    samples = np.asarray(image).astype(np.uint16) * 257
    return png(samples, 16, RGB_ALPHA if image.mode == "RGBA" else RGB, interlaced=interlaced)


def _png(image: Image.Image) -> bytes:
    return encoded(image, "PNG", compress_level=1)


def _webp(image: Image.Image, lossless: bool = False) -> bytes:
    return encoded(image, "WEBP", method=0, quality=0 if lossless else 80, lossless=lossless)


def _tiff(image: Image.Image) -> bytes:
    return encoded(image, "TIFF", compression="tiff_lzw")


def _framed_gif(size: Size) -> bytes:
    """A frame that leaves a column of its screen free."""
    data = bytearray(encoded(_palette((size[0] - 1, size[1])), "GIF"))
    data[6:8] = size[0].to_bytes(2, "little")
    return bytes(data)


LARGE: Final[dict[str, Callable[[Size], bytes]]] = {
    "JPEG, baseline": lambda size: encoded(_rgb(size), "JPEG"),
    "JPEG, progressive, 4:2:0": lambda size: encoded(_rgb(size), "JPEG", progressive=True),
    "JPEG, progressive, 4:4:4": lambda size: encoded(
        _rgb(size), "JPEG", progressive=True, subsampling=0
    ),
    "JPEG, progressive, CMYK": lambda size: encoded(
        _rgb(size).convert("CMYK"), "JPEG", progressive=True
    ),
    "JPEG, without its end": lambda size: encoded(_rgb(size), "JPEG")[:-2],
    "PNG, RGB": lambda size: _png(_rgb(size)),
    "PNG, RGBA": lambda size: _png(_rgba(size)),
    "PNG, palette": lambda size: _png(_palette(size)),
    "PNG, 16 bits, RGB": lambda size: _wide_png(_rgb(size)),
    "PNG, 16 bits, RGBA": lambda size: _wide_png(_rgba(size)),
    "PNG, interlaced, 16 bits, RGBA": lambda size: _wide_png(_rgba(size), interlaced=True),
    "WebP, lossy": lambda size: _webp(_rgb(size)),
    "WebP, lossy, RGBA": lambda size: _webp(_rgba(size)),
    "WebP, lossless, RGBA": lambda size: _webp(_rgba(size), lossless=True),
    "GIF": lambda size: encoded(_palette(size), "GIF"),
    "GIF, frame smaller than its screen": _framed_gif,
    "BMP": lambda size: encoded(_rgb(size), "BMP"),
    "TIFF, LZW, RGB": lambda size: _tiff(_rgb(size)),
    "TIFF, LZW, palette": lambda size: _tiff(_palette(size)),
    "TIFF, LZW, RGBA": lambda size: _tiff(_rgba(size)),
    "TIFF, LZW, CMYK": lambda size: _tiff(_rgb(size).convert("CMYK")),
    "TIFF, LZW, 16-bit grey": lambda size: _tiff(
        Image.fromarray(np.asarray(_rgb(size).convert("L")).astype(np.uint16) * 257)
    ),
    "TIFF, LZW, floats": lambda size: _tiff(_rgb(size).convert("F")),
}


def decoded(file: Path) -> tuple[int, float]:
    """Peak bytes over the idle process, and processor seconds, of one decode in its own process."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, str(file)],
        capture_output=True,
        check=True,
        timeout=120,
        text=True,
    )
    kilobytes, seconds = done.stdout.split()
    return int(kilobytes) * 1024, float(seconds)

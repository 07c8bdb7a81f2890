"""The decoders that are not Pillow's: nothing else of their libraries can be reached."""

import subprocess
import sys

import pytest

from tests.support.images.pictures import encoded, photo, photo_jpeg

DECODED = """
import sys
from imgvec.images.decode import ImageLimits, decode
decode(sys.stdin.buffer.read(), 260, ImageLimits(20_000_000, 50_000_000, 1))
"""
OTHERS = """
import io
import pyvips
from PIL import Image
assert pyvips.concurrency_get() == 1
assert pyvips.cache_get_max() == 0
reached = []
for format in ("JPEG", "WEBP", "GIF", "TIFF", "PPM"):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format)
    try:
        reached.append(pyvips.Image.new_from_buffer(file.getvalue(), "").get("vips-loader"))
    except pyvips.Error:
        pass
print(*reached)
"""


def ran(program: str, data: bytes) -> str:
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], input=data, capture_output=True, check=True, timeout=120
    )
    return done.stdout.decode().strip()


def test_libvips_has_no_format_but_png() -> None:
    assert ran(DECODED + OTHERS, encoded(photo(size=(90, 60)), "PNG")) == ""


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_libvips_is_imported_for_no_other_format(format: str) -> None:
    data = photo_jpeg(640, 480) if format == "JPEG" else encoded(photo(size=(90, 60)), format)
    assert ran(DECODED + "print('pyvips' in sys.modules)", data) == "False"
    png = encoded(photo(size=(90, 60)), "PNG")
    assert ran(DECODED + "print('pyvips' in sys.modules)", png) == "True", "positive control"

"""The peak of a decode, in a process of its own: at most so many bytes for each pixel."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.images.pictures import encoded

SIDE = (4000, 2500)
BYTES_A_PIXEL = 20
"""docs/deploy.md says 16, for WebP; the rest is the allocator's."""
PEAK = """
import resource, sys
from pathlib import Path
from imgvec.images.decode import ImageLimits, decode

data = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decode(data, 260, ImageLimits(20_000_000, 50_000_000, 1000))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
FILES = {
    "WEBP": lambda: encoded(Image.new("RGBA", SIDE, (1, 2, 3, 4)), "WEBP", lossless=True, method=0),
    "PNG": lambda: encoded(Image.new("RGBA", SIDE, (1, 2, 3, 4)), "PNG", compress_level=1),
    "GIF": lambda: encoded(Image.new("P", SIDE), "GIF", transparency=0),
    "TIFF": lambda: encoded(Image.new("F", SIDE, 7.0), "TIFF", compression="tiff_adobe_deflate"),
    "JPEG": lambda: encoded(Image.new("CMYK", SIDE), "JPEG", progressive=True),
    "JPEG without its end": lambda: encoded(Image.new("CMYK", SIDE), "JPEG")[:-2],
}


@pytest.mark.parametrize("format", FILES)
def test_the_peak_of_a_decode_is_bounded_by_its_pixels(format: str, tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(FILES[format]())
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(file)], capture_output=True, check=True, timeout=120
    )
    pixels = SIDE[0] * SIDE[1]
    assert int(done.stdout) < BYTES_A_PIXEL * pixels

"""EXIF orientation: all eight, in every format that has one, exactly and without being misled."""

import struct

import numpy as np
import pytest

from imgvec.images.decode import ImageLimits, decode
from imgvec.images.geometry import UPRIGHT, exif_orientation
from tests.support.images.pictures import (
    ORIENTATIONS,
    encoded,
    exif,
    oriented,
    photo,
    png_file,
    stored,
)

LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1000)
SIZE = 48

LOSSLESS: dict[str, dict[str, object]] = {
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "TIFF compressed": {"compression": "tiff_lzw"},
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("shape", [(90, 60), (61, 90), (97, 64), (64, 97)], ids=str)
def test_a_turned_file_gives_the_pixels_of_the_upright_one(
    orientation: int, name: str, shape: tuple[int, int]
) -> None:
    """To the last bit, whichever side the odd pixel of the crop falls on."""
    upright = photo(size=shape)
    data = oriented(upright, name.split()[0], orientation, **LOSSLESS[name])
    assert np.array_equal(decode(data, SIZE, LIMITS), decode(encoded(upright, "PNG"), SIZE, LIMITS))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("shape", [(90, 60), (1303, 901), (1001, 1409)], ids=str)
def test_a_turned_jpeg_shows_the_upright_picture(orientation: int, shape: tuple[int, int]) -> None:
    """Also at a reduced scale, where the sides are no multiples of the reduction."""
    upright = photo("coffee", shape)
    data = oriented(upright, "JPEG", orientation, quality=95, subsampling=0)
    expected = decode(encoded(upright, "BMP"), SIZE, LIMITS).astype(int)
    assert np.abs(decode(data, SIZE, LIMITS) - expected).mean() < 2


@pytest.mark.parametrize("orientation", ORIENTATIONS[1:])
def test_the_picture_can_tell_its_orientations_apart(orientation: int) -> None:
    """The positive control: without the tag the same pixels are far from upright."""
    upright = photo("coffee", (90, 60))
    lying = decode(encoded(stored(upright, orientation), "PNG"), SIZE, LIMITS).astype(int)
    expected = decode(encoded(upright, "PNG"), SIZE, LIMITS)
    assert np.abs(lying - expected).mean() > 20


def test_exif_behind_the_pixels_of_a_png_counts() -> None:
    upright = photo(size=(90, 60))
    chunk = (b"eXIf", exif(6).removeprefix(b"Exif\0\0"))
    data = png_file(np.asarray(stored(upright, 6)), 2, after_pixels=(chunk,))
    assert np.array_equal(decode(data, SIZE, LIMITS), decode(encoded(upright, "PNG"), SIZE, LIMITS))


def test_the_orientation_of_a_later_page_is_not_that_of_the_first() -> None:
    first = photo(size=(90, 60))
    data = encoded(first, "TIFF", tiffinfo={274: 1}, save_all=True, append_images=[first])
    upright = struct.pack("<HHIHH", 274, 3, 1, 1, 0)
    lying = struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    before, _, after = data.rpartition(upright)
    assert upright in before
    assert np.array_equal(decode(before + lying + after, SIZE, LIMITS), decode(data, SIZE, LIMITS))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("prefixed", [True, False])
def test_the_tag_is_read_in_both_byte_orders(orientation: int, order: str, prefixed: bool) -> None:
    block = exif(orientation, order)
    assert exif_orientation(block if prefixed else block.removeprefix(b"Exif\0\0")) == orientation


def block(*entries: bytes, directory: int = 8, count: int | None = None) -> bytes:
    number = len(entries) if count is None else count
    return b"II*\0" + struct.pack("<IH", directory, number) + b"".join(entries)


SIX = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
OTHER = struct.pack("<HHII", 0x010F, 2, 4, 0)


def test_the_tag_is_found_among_others() -> None:
    assert exif_orientation(block(OTHER, OTHER, SIX, OTHER)) == 6


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("order", [b"II*\0", b"MM\0*"])
def test_the_tag_may_be_a_long(orientation: int, order: bytes) -> None:
    mark = "<" if order == b"II*\0" else ">"
    entry = struct.pack(f"{mark}HHII", 0x0112, 4, 1, orientation)
    assert exif_orientation(order + struct.pack(f"{mark}IH", 8, 1) + entry) == orientation


BROKEN = {
    "nothing": b"",
    "prefix alone": b"Exif\0\0",
    "no TIFF": b"Exif\0\0garbage garbage garbage",
    "header alone": b"II*\0",
    "directory beyond the end": block(SIX, directory=4_000_000_000),
    "directory inside the header": block(SIX, directory=2),
    "fewer entries than promised": block(OTHER, count=60_000),
    "no such tag": block(OTHER, OTHER),
    "cut inside the entry": block(SIX)[:-5],
    "orientation 0": exif(0),
    "orientation 9": exif(9),
    "orientation as text": block(struct.pack("<HHIHH", 0x0112, 2, 1, 6, 0)),
    "orientation 65,542 as LONG": block(struct.pack("<HHIHH", 0x0112, 4, 1, 6, 1)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_exif_says_nothing(name: str) -> None:
    assert exif_orientation(BROKEN[name]) == UPRIGHT


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_spoils_no_picture(name: str, format: str) -> None:
    image = photo(size=(90, 60))
    broken = encoded(image, format, exif=b"Exif\0\0" + BROKEN[name].removeprefix(b"Exif\0\0"))
    assert np.array_equal(
        decode(broken, SIZE, LIMITS), decode(encoded(image, format), SIZE, LIMITS)
    )

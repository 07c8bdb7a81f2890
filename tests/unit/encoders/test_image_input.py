"""A picture on its way to an image graph of any geometry, by Pillow's and torchvision's rules.

The graphs are linear, so that the right vector can be computed from the pixels.
"""

import io
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Resampling

from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.images.decode import ImageLimits, decode
from imgvec.images.formats import open_image
from imgvec.types import Geometry
from tests.support.models.linear_encoder import (
    DIMENSIONS,
    NOTHING,
    SIDE,
    linear_encoder,
    matrix,
    unit,
)

LIMITS = ImageLimits(10**8, 50_000_000, 10)
FILTERS = {
    "bicubic": Resampling.BICUBIC,
    "bilinear": Resampling.BILINEAR,
    "lanczos": Resampling.LANCZOS,
}
LARGE_INPUTS = (256, 384, 512)


def photo(width: int, height: int) -> Image.Image:
    """Noise, where every filter and crop gives other pixels."""
    values = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


def smooth(width: int, height: int) -> Image.Image:
    """Broad patches, which a reduced scale keeps."""
    return photo(9, 5).resize((width, height), Resampling.BICUBIC)


def file_of(image: Image.Image, format: str = "PNG", quality: int = 95) -> bytes:
    """An image as a file."""
    file = io.BytesIO()
    image.save(file, format, quality=quality)
    return file.getvalue()


@pytest.mark.parametrize("size", [(40, 17), (17, 40), (6, 6), (400, 3)])
@pytest.mark.parametrize("resize", FILTERS)
def test_a_squashed_picture_is_pillows_own_resize(
    tmp_path: Path, size: tuple[int, int], resize: str
) -> None:
    folder = linear_encoder(
        tmp_path / "squash", NOTHING, preprocessing={"crop": "none", "resize": resize}
    )
    encoder = OnnxEncoder(folder)
    picture = photo(*size)
    pixels = decode(file_of(picture), encoder.image_size, LIMITS, encoder.geometry)
    expected = np.asarray(picture.resize((SIDE, SIDE), FILTERS[resize]))
    assert np.array_equal(pixels, expected)
    row = expected.transpose(2, 0, 1).reshape(-1).astype(np.float32) @ matrix(3 * SIDE * SIDE)
    assert np.allclose(encoder.encode_image(pixels, DIMENSIONS), unit(row), atol=1e-5)


@pytest.mark.parametrize("resize", FILTERS)
def test_a_cropped_picture_is_torchvisions(tmp_path: Path, resize: str) -> None:
    """Of its `Resize(6)` and `CenterCrop(6)`: a short side of 6 and a long one rounded down."""
    folder = linear_encoder(tmp_path / "crop", NOTHING, preprocessing={"resize": resize})
    encoder = OnnxEncoder(folder)
    picture = photo(43, 20)
    expected = picture.resize((12, 6), FILTERS[resize]).crop((3, 0, 9, 6))
    assert np.array_equal(
        decode(file_of(picture), SIDE, LIMITS, encoder.geometry), np.asarray(expected)
    )


@pytest.mark.parametrize("size", LARGE_INPUTS)
@pytest.mark.parametrize("shape", [(1100, 700), (500, 2000), (64, 30)])
def test_large_inputs_have_pillows_pixels(size: int, shape: tuple[int, int]) -> None:
    picture = smooth(*shape)
    squashed = decode(file_of(picture), size, LIMITS, Geometry("none", "bicubic"))
    expected = picture.resize((size, size), Resampling.BICUBIC)
    assert np.array_equal(squashed, np.asarray(expected))
    cropped = decode(file_of(picture), size, LIMITS, Geometry("centre", "lanczos"))
    columns, rows = (int(size * side / min(shape)) for side in shape)
    left, top = round((columns - size) / 2), round((rows - size) / 2)
    whole = picture.resize((columns, rows), Resampling.LANCZOS)
    expected = whole.crop((left, top, left + size, top + size))
    assert np.array_equal(cropped, np.asarray(expected))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("shape", [(903, 517), (517, 903), (6000, 300), (150, 3000)])
def test_a_squashed_picture_at_reduced_scale_is_near_the_whole_one(
    format: str, shape: tuple[int, int]
) -> None:
    picture = smooth(*shape)
    pixels = decode(file_of(picture, format), 32, LIMITS, Geometry("none", "bicubic"))
    whole = picture.resize((32, 32), Resampling.BICUBIC)
    assert np.abs(pixels.astype(int) - np.asarray(whole).astype(int)).max() <= 4


@pytest.mark.parametrize(
    ("format", "size", "shape"),
    [
        *product(["JPEG", "PNG", "WEBP"], (64, *LARGE_INPUTS), [(2100, 2050), (4000, 1025)]),
        ("JPEG", 64, (6000, 300)),
        ("PNG", 64, (300, 6000)),
    ],
)
def test_a_reduced_scale_keeps_twice_the_input_on_both_sides(
    format: str, size: int, shape: tuple[int, int]
) -> None:
    opened = open_image(file_of(smooth(*shape), format))
    picture = opened.load(size)
    least = min(2 * size, *shape)
    assert min(picture.image.size) >= least
    assert (picture.scale < 1) == (min(shape) >= 4 * size)


@pytest.mark.parametrize("size", [336, 384, 512])
@pytest.mark.parametrize("shape", [(7000, 70), (70, 7000)])
def test_a_large_input_of_a_long_picture_is_of_its_middle(
    size: int, shape: tuple[int, int]
) -> None:
    """A whole resize of 100 times the short side would take 100 MB for a file of any length."""
    kept = 70 * (26_000 // size)
    assert kept < 7000
    picture = smooth(*shape)
    ends = (7000 - kept) // 2
    box = (ends, 0, ends + kept, 70) if shape[0] > 70 else (0, ends, 70, ends + kept)
    geometry = Geometry("centre", "bicubic")
    assert np.array_equal(
        decode(file_of(picture), size, LIMITS, geometry),
        decode(file_of(picture.crop(box)), size, LIMITS, geometry),
    )


@pytest.mark.parametrize(
    "change",
    [{"crop": "none"}, {"resize": "bilinear"}, {"resize": "lanczos"}],
    ids=["squash", "bilinear", "lanczos"],
)
def test_the_geometry_is_part_of_the_revision(tmp_path: Path, change: dict[str, str]) -> None:
    plain = linear_encoder(tmp_path / "plain", NOTHING)
    other = linear_encoder(tmp_path / "other", NOTHING, preprocessing=change)
    assert read_manifest(plain).revision != read_manifest(other).revision

"""Every row of the image contract: what is read, how it becomes pixels, and what is refused."""

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.Image import Resampling

from imgvec.errors import NotAnImage, RequestError, TooLarge
from imgvec.images.decode import ImageLimits, decode, judge
from imgvec.images.formats import open_image
from imgvec.types import Pixels
from tests.support.images.pictures import (
    PHOTOS,
    animation,
    encoded,
    photo,
    photo_jpeg,
    png_file,
    tiff_file,
)

SIZE = 32
LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1000)


def reference(upright: Image.Image, size: int) -> NDArray[np.int16]:
    """The whole way of CLIP's preprocessing: resize everything, then crop."""
    width, height = upright.size
    wide, high = (int(size * side / min(width, height)) for side in (width, height))
    resized = upright.convert("RGB").resize((wide, high), Resampling.BICUBIC)
    left, top = round((wide - size) / 2), round((high - size) / 2)
    return np.asarray(resized.crop((left, top, left + size, top + size)), np.int16)


def differences(pixels: Pixels, expected: NDArray[np.int16]) -> NDArray[np.int16]:
    found: NDArray[np.int16] = np.abs(pixels.astype(np.int16) - expected)
    return found


def colour(data: bytes) -> tuple[int, int, int]:
    """The middle of the decoded picture."""
    red, green, blue = decode(data, SIZE, LIMITS)[SIZE // 2, SIZE // 2].tolist()
    return red, green, blue


def plain(mode: str, value: float | tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (24, 16), value)


def indexed(entry: int) -> Image.Image:
    """One colour of a palette of four."""
    image = plain("P", entry)
    image.putpalette([0, 0, 0, 10, 10, 10, 20, 20, 20, 30, 30, 30])
    return image


# Formats


LOSSLESS = {
    "PNG": encoded(photo(size=(90, 60)), "PNG"),
    "WEBP lossless": encoded(photo(size=(90, 60)), "WEBP", lossless=True),
    "BMP": encoded(photo(size=(90, 60)), "BMP"),
    # Without a profile, which would be written behind the pixels.
    "TIFF": encoded(photo(size=(90, 60)), "TIFF", icc_profile=b""),
    **{
        f"TIFF {name}": encoded(photo(size=(90, 60)), "TIFF", compression=name, icc_profile=b"")
        for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "zstd")
    },
    "BigTIFF": encoded(photo(size=(90, 60)), "TIFF", big_tiff=True, icc_profile=b""),
}
LOSSY = {
    "JPEG": encoded(photo(size=(90, 60)), "JPEG", quality=95, subsampling=0),
    "JPEG progressive": encoded(photo(size=(90, 60)), "JPEG", quality=95, progressive=True),
    "JPEG CMYK": encoded(photo(size=(90, 60)).convert("CMYK"), "JPEG", quality=95),
    "MPO": encoded(
        photo(size=(90, 60)),
        "MPO",
        quality=95,
        save_all=True,
        append_images=[photo("coffee", (90, 60))],
    ),
    "WEBP": encoded(photo(size=(90, 60)), "WEBP", quality=95),
    "GIF": encoded(photo(size=(90, 60)), "GIF"),
    "GIF interlaced": encoded(photo(size=(90, 60)), "GIF", interlace=True),
    "TIFF jpeg": encoded(
        photo(size=(90, 60)), "TIFF", compression="jpeg", quality=95, icc_profile=b""
    ),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_give_the_reference(name: str) -> None:
    found = differences(decode(LOSSLESS[name], SIZE, LIMITS), reference(photo(size=(90, 60)), SIZE))
    assert found.max() <= 1


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_come_close_to_the_reference(name: str) -> None:
    found = differences(decode(LOSSY[name], SIZE, LIMITS), reference(photo(size=(90, 60)), SIZE))
    assert found.mean() < 3


@pytest.mark.parametrize("format", ["PPM", "ICO", "TGA", "PCX", "SGI", "JPEG2000", "DDS"])
def test_formats_that_pillow_reads_and_the_contract_does_not_name_are_refused(format: str) -> None:
    data = encoded(photo(size=(64, 64)), format)
    assert Image.open(io.BytesIO(data)).size == (64, 64)
    with pytest.raises(NotAnImage):
        decode(data, SIZE, LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 100, id="zeros"),
        pytest.param(b"<!doctype html><html></html>", id="HTML"),
        pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"/>', id="SVG"),
        pytest.param(b"%PDF-1.7\n", id="PDF"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", id="EPS"),
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt ", id="a RIFF that is no WebP"),
        pytest.param(b"\0\0\0\x1cftypheic", id="HEIC"),
        pytest.param(b"\xff\xd8\xff", id="start of a JPEG"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="signature of a PNG"),
        pytest.param(b"GIF89a", id="signature of a GIF"),
        pytest.param(b"BM", id="signature of a BMP"),
        pytest.param(b"II*\0", id="signature of a TIFF"),
    ],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        decode(data, SIZE, LIMITS)


# Animation and pages


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_is_taken(format: str) -> None:
    red, green, blue = colour(animation(format, frames=5))
    assert (red < 5, green < 5, blue < 5) == (True, True, True)


def test_the_first_picture_of_an_mpo_is_taken() -> None:
    data = encoded(plain("RGB", (9, 9, 9)), "MPO", append_images=[plain("RGB", (250, 0, 0))])
    assert colour(data) == (9, 9, 9)


# Transparency


CLEAR_RGB = (b"tRNS", struct.pack(">3H", 200, 120, 40))
CLEAR_GREY = (b"tRNS", struct.pack(">H", 77))
TRANSPARENT = {
    "RGBA": (encoded(plain("RGBA", (200, 120, 40, 0)), "PNG"), (255, 255, 255)),
    "RGBA, half": (encoded(plain("RGBA", (200, 100, 0, 128)), "PNG"), (227, 177, 127)),
    "RGBA, opaque": (encoded(plain("RGBA", (200, 100, 0, 255)), "PNG"), (200, 100, 0)),
    "LA": (encoded(plain("LA", (77, 0)), "PNG"), (255, 255, 255)),
    "LA, half": (encoded(plain("LA", (77, 128)), "PNG"), (166, 166, 166)),
    "RGBA of 16 bits": (
        png_file(np.full((16, 24, 4), (200 << 8, 100 << 8, 0, 128 << 8), np.uint16), 6),
        (227, 177, 127),
    ),
    "LA of 16 bits": (
        png_file(np.full((16, 24, 2), (77 << 8, 128 << 8), np.uint16), 4),
        (166, 166, 166),
    ),
    "palette with one clear entry": (
        encoded(indexed(3), "PNG", transparency=3),
        (255, 255, 255),
    ),
    "palette with an alpha table": (
        encoded(indexed(3), "PNG", transparency=bytes((255, 255, 255, 0))),
        (255, 255, 255),
    ),
    "palette with another clear entry": (encoded(indexed(1), "PNG", transparency=3), (10, 10, 10)),
    "clear RGB": (
        png_file(np.full((16, 24, 3), (200, 120, 40), np.uint8), 2, CLEAR_RGB),
        (255, 255, 255),
    ),
    "other clear RGB": (
        png_file(np.full((16, 24, 3), (200, 120, 41), np.uint8), 2, CLEAR_RGB),
        (200, 120, 41),
    ),
    "clear RGB of 16 bits": (
        png_file(
            np.full((16, 24, 3), (51234, 2000, 9), np.uint16),
            2,
            (b"tRNS", struct.pack(">3H", 51234, 2000, 9)),
        ),
        (255, 255, 255),
    ),
    "clear grey": (
        png_file(np.full((16, 24, 1), 77, np.uint8), 0, CLEAR_GREY),
        (255, 255, 255),
    ),
    "other clear grey": (
        png_file(np.full((16, 24, 1), 78, np.uint8), 0, CLEAR_GREY),
        (78, 78, 78),
    ),
    "clear grey of 16 bits": (
        png_file(np.full((16, 24, 1), 0x8001, np.uint16), 0, (b"tRNS", struct.pack(">H", 0x8001))),
        (255, 255, 255),
    ),
    "other clear grey of 16 bits": (
        png_file(np.full((16, 24, 1), 0x8001, np.uint16), 0, (b"tRNS", struct.pack(">H", 0x8002))),
        (128, 128, 128),
    ),
    "clear black and white": (encoded(plain("1", 0), "PNG", transparency=0), (255, 255, 255)),
    "WebP": (
        encoded(plain("RGBA", (200, 100, 0, 128)), "WEBP", lossless=True),
        (227, 177, 127),
    ),
    "GIF": (encoded(indexed(3), "GIF", transparency=3), (255, 255, 255)),
    "TIFF RGBA": (encoded(plain("RGBA", (200, 100, 0, 128)), "TIFF"), (227, 177, 127)),
    "TIFF LA": (encoded(plain("LA", (77, 128)), "TIFF"), (166, 166, 166)),
    "TIFF LA, premultiplied": (
        tiff_file(
            {256: (8,), 257: (8,), 258: (8, 8), 262: (1,), 277: (2,), 338: (1,)},
            bytes((39, 128)) * 64,
        ),
        (166, 166, 166),
    ),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_transparency_shows_white(name: str) -> None:
    data, expected = TRANSPARENT[name]
    assert colour(data) == pytest.approx(expected, abs=1)


# Colour


def grey_tiff(bits: int, strip: bytes) -> bytes:
    return tiff_file({256: (8,), 257: (8,), 258: (bits,), 262: (1,), 277: (1,)}, strip)


ORANGE = (200, 120, 40)
COLOURS = {
    "RGB": (encoded(plain("RGB", ORANGE), "PNG"), ORANGE),
    "RGB of 16 bits": (
        png_file(np.full((16, 24, 3), (51455, 30720, 10300), np.uint16), 2),
        ORANGE,
    ),
    "palette": (encoded(plain("RGB", ORANGE).quantize(4), "PNG"), ORANGE),
    "palette in GIF": (encoded(plain("RGB", ORANGE).quantize(4), "GIF"), ORANGE),
    "palette in BMP": (encoded(plain("RGB", ORANGE).quantize(4), "BMP"), ORANGE),
    "palette in TIFF": (encoded(plain("RGB", ORANGE).quantize(4), "TIFF"), ORANGE),
    "CMYK in TIFF": (encoded(plain("RGB", ORANGE).convert("CMYK"), "TIFF"), ORANGE),
    "CMYK in JPEG, inverted by Adobe": (
        encoded(plain("RGB", ORANGE).convert("CMYK"), "JPEG", quality=100),
        ORANGE,
    ),
    "YCbCr in TIFF": (encoded(plain("RGB", ORANGE).convert("YCbCr"), "TIFF"), ORANGE),
    "L*a*b* in TIFF": (encoded(plain("LAB", (149, 156, 183)), "TIFF"), (200, 121, 40)),
    "grey": (encoded(plain("L", 77), "PNG"), (77, 77, 77)),
    "grey in JPEG": (encoded(plain("L", 77), "JPEG"), (77, 77, 77)),
    "grey in BMP": (encoded(plain("L", 77), "BMP"), (77, 77, 77)),
    "black and white": (encoded(plain("1", 1), "PNG"), (255, 255, 255)),
    "black and white in TIFF": (encoded(plain("1", 0), "TIFF", compression="group4"), (0, 0, 0)),
    "grey of 16 bits": (encoded(plain("I;16", 0x4DFF), "PNG"), (77, 77, 77)),
    "grey of 16 bits, white": (encoded(plain("I;16", 0xFFFF), "PNG"), (255, 255, 255)),
    "grey of 16 bits in TIFF": (encoded(plain("I;16", 0x4D00), "TIFF"), (77, 77, 77)),
    "grey of 16 bits in TIFF, big-endian": (
        encoded(plain("I;16B", 0x4D00), "TIFF"),
        (77, 77, 77),
    ),
    "grey of 12 bits in TIFF": (grey_tiff(12, bytes((0x4D, 0x84, 0xD8)) * 32), (77, 77, 77)),
    "floats within 0 and 1": (encoded(plain("F", 0.25), "TIFF"), (63, 63, 63)),
    "integers of 32 bits, all the same": (encoded(plain("I", 70_000), "TIFF"), (0, 0, 0)),
}


@pytest.mark.parametrize("name", COLOURS)
def test_every_mode_becomes_rgb(name: str) -> None:
    data, expected = COLOURS[name]
    assert colour(data) == pytest.approx(expected, abs=2)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        pytest.param(np.int32, 0, 65_535, id="16-bit values in 32"),
        pytest.param(np.int32, -2_000_000_000, 2_000_000_000, id="the whole range"),
        pytest.param(np.float32, 0.0, 255.0, id="floats of 8-bit values"),
        pytest.param(np.float32, -1.0, 1.0, id="floats around zero"),
        pytest.param(np.float32, -1e38, 1e38, id="huge floats"),
    ],
)
def test_wide_samples_are_stretched_over_their_range(
    dtype: type[np.int32] | type[np.float32], low: float, high: float
) -> None:
    ramp = np.linspace(low, high, SIZE, dtype=np.float64).astype(dtype)
    image = Image.fromarray(np.tile(ramp, (SIZE, 1)))
    row = decode(encoded(image, "TIFF"), SIZE, LIMITS)[0, :, 0].astype(int)
    assert np.abs(row - np.linspace(0, 255, SIZE)).max() <= 1.5


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_floats_without_a_range_are_refused(value: float) -> None:
    with pytest.raises(NotAnImage):
        decode(encoded(plain("F", value), "TIFF"), SIZE, LIMITS)


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65_535, SIZE).astype(np.uint16)
    row = decode(png_file(np.tile(ramp, (SIZE, 1))[..., None], 0), SIZE, LIMITS)[0, :, 0]
    assert row.tolist() == (ramp >> 8).tolist()


def test_colour_profiles_are_ignored() -> None:
    profile = b"\0" * 128
    with_profile = encoded(photo(size=(90, 60)), "PNG", icc_profile=profile)
    assert np.array_equal(decode(with_profile, SIZE, LIMITS), decode(LOSSLESS["PNG"], SIZE, LIMITS))


# Geometry


SHAPES = [
    (SIZE, SIZE),
    (SIZE - 1, SIZE + 1),
    (SIZE + 1, SIZE),
    (90, 60),
    (60, 90),
    (301, 517),
    (517, 301),
    (640, 427),
    (427, 640),
    (5, 7),
    (200, 20),
    (20, 200),
    (3, 299),
    (299, 3),
]


EXACT: dict[str, dict[str, object]] = {
    "PNG": {"compress_level": 1},
    "WEBP": {"lossless": True, "exact": True, "method": 0, "quality": 0},
    "BMP": {},
    "TIFF": {"compression": "tiff_lzw"},
}
"""Options of formats that keep each pixel."""


@pytest.mark.parametrize("format", EXACT)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("size", [SIZE, 33, 260])
def test_the_square_is_that_of_the_reference(
    shape: tuple[int, int], size: int, format: str
) -> None:
    """To the last bit, where the picture is not reduced first."""
    image = photo(size=shape)
    data = encoded(image, format, **EXACT[format])
    found = differences(decode(data, size, LIMITS), reference(image, size))
    if min(shape) < 4 * size:
        assert not found.any()
    else:
        assert found.mean() < 0.8


MODES = ["1", "L", "LA", "P", "RGB", "RGBA"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("shape", "size"), [((90, 60), SIZE), ((1301, 1043), 260)], ids=str)
def test_a_png_has_the_pixels_that_pillow_gives(
    mode: str, shape: tuple[int, int], size: int
) -> None:
    """Two decoders, so that neither is its own witness; the larger picture is reduced first."""
    image = photo(size=shape)
    image.putalpha(Image.linear_gradient("L").resize(shape))
    data = encoded(image.convert(mode), "PNG")
    layer = Image.open(io.BytesIO(data)).convert("RGBA")
    white = Image.new("RGB", shape, "white")
    white.paste(layer, mask=layer)
    found = differences(decode(data, size, LIMITS), reference(white, size))
    if size == SIZE:
        assert not found.any()
    elif mode != "1":
        # Dots of black and white alone are told apart by any order of filters.
        assert found.mean() < 1


REDUCED = [(name, format) for name in PHOTOS for format in ("PNG", "JPEG")] + [
    ("chelsea", format) for format in ("WEBP", "BMP", "TIFF", "GIF")
]
"""Every photo through both ways to reduce, Pillow's and libjpeg's; every format once."""


@pytest.mark.parametrize(("name", "format"), REDUCED)
@pytest.mark.parametrize("height", [1043, 1300])
def test_a_reduced_picture_stays_close_to_the_full_one(name: str, format: str, height: int) -> None:
    """At a height that no factor divides too: a scale that is rounded costs three levels."""
    width, high = photo(name).size
    image = photo(name, (round(width * height / high), height))
    data = encoded(image, format, **EXACT.get(format, {}))
    whole = Image.open(io.BytesIO(data)).convert("RGB")
    found = differences(decode(data, 260, LIMITS), reference(whole, 260))
    assert found.any(), "positive control"
    assert found.mean() < 0.8
    assert np.percentile(found, 99) <= 4


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_one_pixel_is_enough(format: str) -> None:
    pixels = decode(encoded(Image.new("RGB", (1, 1), (90, 90, 90)), format), SIZE, LIMITS)
    assert np.abs(pixels.astype(int) - 90).max() <= 1


@pytest.mark.parametrize("shape", [(1, 100), (100, 1), (1, 101), (2, 333), (333, 2)], ids=str)
def test_an_aspect_beyond_100_loses_its_ends_first(shape: tuple[int, int]) -> None:
    image = photo(size=shape)
    kept = [min(side, 100 * min(shape)) for side in shape]
    left, top = ((side - keep) // 2 for side, keep in zip(shape, kept, strict=True))
    middle = image.crop((left, top, left + kept[0], top + kept[1]))
    assert np.array_equal(decode(encoded(image, "PNG"), SIZE, LIMITS), reference(middle, SIZE))


@pytest.mark.parametrize("shape", [(1, 1_000_000), (1_000_000, 1)], ids=str)
def test_an_extreme_aspect_needs_no_memory(shape: tuple[int, int]) -> None:
    """Resized as a whole, this would be 260 x 260,000,000 pixels."""
    pixels = decode(encoded(Image.new("L", shape, 50), "PNG"), 260, LIMITS)
    assert np.unique(pixels).tolist() == [50]


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("progressive", [False, True])
def test_a_reduced_decode_stays_close_to_the_full_one(name: str, progressive: bool) -> None:
    width, height = photo(name).size
    shape = (round(width * 1300 / height), 1300)
    data = photo_jpeg(*shape, name=name, progressive=progressive)
    found = differences(decode(data, 260, LIMITS), reference(Image.open(io.BytesIO(data)), 260))
    assert found.mean() < 0.6
    assert np.percentile(found, 99) <= 4


def test_a_reduced_decode_keeps_a_contact_sheet() -> None:
    """The finest detail that photos have, everywhere: what one and a half times the size, in the
    place of twice, would blur (2 levels on average, cosine 0.996)."""
    sheet, tiles = Image.new("RGB", (3600, 2700)), [photo(name, (200, 150)) for name in PHOTOS]
    for place in range(18 * 18):
        row, column = divmod(place, 18)
        sheet.paste(tiles[place % len(tiles)], (200 * column, 150 * row))
    data = encoded(sheet, "JPEG", quality=90)
    found = differences(decode(data, 224, LIMITS), reference_of(data, 224))
    assert found.max() > 0, "positive control"
    assert found.mean() < 0.7


def test_large_jpegs_are_decoded_at_a_reduced_scale() -> None:
    """One that is not is the reference to the last bit."""
    data = photo_jpeg(1600, 1200)
    whole = reference(Image.open(io.BytesIO(data)), 260)
    assert (differences(decode(data, 260, LIMITS), whole) > 0).mean() > 0.1
    assert np.array_equal(decode(data, 601, LIMITS), reference_of(data, 601))


def reference_of(data: bytes, size: int) -> NDArray[np.int16]:
    return reference(Image.open(io.BytesIO(data)), size)


# Limits


def test_bytes_are_judged_first() -> None:
    data = b"no image at all"
    with pytest.raises(TooLarge):
        decode(data, SIZE, ImageLimits(len(data) - 1, 10**9, 10**9))
    with pytest.raises(NotAnImage):
        decode(data, SIZE, ImageLimits(len(data), 10**9, 10**9))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_limit_of_pixels_is_exact(format: str) -> None:
    data = encoded(Image.new("RGB", (30, 20)), format)
    decode(data, SIZE, ImageLimits(10**6, 600, 10))
    with pytest.raises(TooLarge):
        decode(data, SIZE, ImageLimits(10**6, 599, 10))


def sized_png(width: int, height: int) -> bytes:
    """A PNG whose header is valid and promises so many pixels; it holds one."""
    data = png_file(np.zeros((1, 1, 3), np.uint8), 2)
    header = data[12:16] + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


HUGE = (60_000, 60_000)
BOMBS = {
    "PNG": sized_png(*HUGE),
    "GIF": b"GIF89a" + struct.pack("<HHBBB", *HUGE, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2",
    "BMP": encoded(Image.new("RGB", (1, 1)), "BMP").replace(
        struct.pack("<ii", 1, 1), struct.pack("<ii", *HUGE), 1
    ),
    "TIFF": tiff_file({256: (HUGE[0],), 257: (HUGE[1],), 258: (8,), 262: (1,)}, b"", "I"),
    "TIFF with a huge tile": tiff_file(
        {
            **{256: (1,), 257: (1,), 258: (8,), 262: (1,)},
            **{322: (HUGE[0],), 323: (HUGE[1],), 324: (8,), 325: (8,)},
        },
        b"",
        "I",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_pixels_are_judged_by_the_header_alone(name: str) -> None:
    """The files hold no pixels: whoever began to decode would call them damaged."""
    with pytest.raises(TooLarge):
        decode(BOMBS[name], SIZE, LIMITS)


def test_the_limit_of_pixels_is_ours_and_not_that_of_pillow() -> None:
    """Pillow warns beyond 89 and fails beyond 179 megapixels, whatever the operator wants."""
    for width, height in ((10_000, 9_000), (20_000, 9_000)):
        # So long that its bytes allow for the pixels.
        data = sized_png(width, height) + bytes(50_000)
        enough = ImageLimits(10**6, width * height, 1)
        judge(open_image(data), data, enough)
        with pytest.raises(TooLarge):
            judge(open_image(data), data, replace(enough, max_pixels=width * height - 1))


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_limit_of_frames_is_exact(format: str) -> None:
    data = animation(format, frames=6)
    assert decode(data, SIZE, ImageLimits(10**6, 10**6, 6)).max() < 5
    with pytest.raises(TooLarge):
        decode(data, SIZE, ImageLimits(10**6, 10**6, 5))


def test_many_pages_are_not_counted_one_by_one() -> None:
    """300,000 pages, counted as Pillow counts, would take an hour."""
    page = struct.pack("<H", 4) + b"".join(
        struct.pack("<HHII", tag, 4, 1, 1) for tag in (256, 257, 262, 273)
    )
    step = len(page) + 4
    count = 300_000
    pages = b"".join(page + struct.pack("<I", 8 + (n + 1) * step) for n in range(count))
    data = b"II*\0" + struct.pack("<I", 8) + pages[:-4] + bytes(4)
    with pytest.raises(TooLarge):
        decode(data, SIZE, LIMITS)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    """Each of the added scans costs 75 bytes and a pass over the whole picture."""
    data = encoded(Image.new("L", (64, 64), 128), "JPEG", progressive=True)
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    few = data[:-2] + last_scan * 20 + data[-2:]
    assert colour(few) == (128, 128, 128)
    many = data[:-2] + last_scan * 200 + data[-2:]
    with pytest.raises(TooLarge):
        decode(many, SIZE, LIMITS)


def run_length_bmp(side: int, runs: bytes) -> bytes:
    """A run-length encoded BMP whose colour 1 is orange."""
    palette = bytes((0, 0, 0, 0)) + bytes((40, 120, 200, 0)) + bytes(4 * 254)
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 40 + 1024) + header + palette + runs


def test_run_lengths_are_decoded_up_to_a_number() -> None:
    assert colour(run_length_bmp(4, b"\x04\x01\0\0" * 4 + b"\0\x01")) == ORANGE
    with pytest.raises(TooLarge):
        decode(run_length_bmp(4000, b"\1\1" * 4000 * 4000), SIZE, replace(LIMITS, max_bytes=10**8))


# Damage


CUTS = {**LOSSLESS, **LOSSY}
del CUTS["MPO"]


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(name: str, share: float) -> None:
    data = CUTS[name]
    with pytest.raises(NotAnImage):
        decode(data[: int(len(data) * share)], SIZE, LIMITS)


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("lost", [1, 2, 3, 4, 8, 12, 16, 24, 40])
def test_the_last_bytes_are_there_or_were_no_pixels(name: str, lost: int) -> None:
    data = CUTS[name]
    try:
        pixels = decode(data[:-lost], SIZE, LIMITS)
    except NotAnImage:
        return
    assert np.array_equal(pixels, decode(data, SIZE, LIMITS))


@pytest.mark.parametrize(
    ("progressive", "lost"),
    [(False, 3), (False, 10), (False, 1000), (True, 2), (True, 3), (True, 10), (True, 1000)],
)
def test_a_large_truncated_jpeg_is_refused(progressive: bool, lost: int) -> None:
    """The reduced decode reads to the end, too. A baseline one may lack 2 bytes, its end."""
    data = photo_jpeg(1600, 1200, progressive=progressive)
    with pytest.raises(NotAnImage):
        decode(data[:-lost], SIZE, LIMITS)


@pytest.mark.parametrize("position", np.linspace(0.3, 0.9, 13).round(2).tolist())
def test_a_changed_byte_of_a_png_is_found_by_its_checksum(position: float) -> None:
    data = bytearray(LOSSLESS["PNG"])
    data[int(len(data) * position)] ^= 0x55
    with pytest.raises(NotAnImage):
        decode(bytes(data), SIZE, LIMITS)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(CUTS)),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
    ),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whatever_is_changed_gives_pixels_or_a_refusal(
    name: str, changes: list[tuple[float, int]]
) -> None:
    """Most changes fall into the header, where the parsers are."""
    data = bytearray(CUTS[name])
    for place, value in changes:
        data[int(place**4 * len(data))] = value
    try:
        pixels = decode(bytes(data), SIZE, ImageLimits(10**6, 10**6, 10))
    except RequestError as refusal:
        assert isinstance(refusal, NotAnImage | TooLarge)
    else:
        assert pixels.shape == (SIZE, SIZE, 3)


@settings(max_examples=200, deadline=None)
@given(
    start=st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0"]),
    rest=st.binary(max_size=200),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_noise_behind_a_signature_is_refused(start: bytes, rest: bytes) -> None:
    with pytest.raises((NotAnImage, TooLarge)):
        decode(start + rest, SIZE, ImageLimits(10**6, 10**6, 10))


# The pixels


@pytest.mark.parametrize("size", [1, 224, 260])
def test_the_shape_and_type_of_the_pixels(size: int) -> None:
    for data in (LOSSLESS["PNG"], COLOURS["grey"][0], photo_jpeg(1600, 1200)):
        pixels = decode(data, size, LIMITS)
        assert pixels.shape == (size, size, 3)
        assert pixels.dtype == np.uint8
        assert pixels.flags.c_contiguous


def test_threads_and_neighbours_change_nothing() -> None:
    files = [*LOSSLESS.values(), *LOSSY.values(), photo_jpeg(1600, 1200), b"GIF89a broken"]

    def attempt(data: bytes) -> bytes:
        try:
            return decode(data, SIZE, LIMITS).tobytes()
        except NotAnImage:
            return b"refused"

    alone = [attempt(data) for data in files]
    assert alone[-1] == b"refused"
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, files * 8)) == alone * 8


def test_pillow_is_left_as_it_was() -> None:
    assert Image.MAX_IMAGE_PIXELS == 89_478_485
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False

"""The table of TIFF layouts: each is read as an independent decoder reads it, or named."""

import io
import os
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imgvec.errors import NotAnImage
from imgvec.images.decode import ImageLimits, decode
from imgvec.images.formats import open_image
from tests.support.images.pictures import ORIENTATIONS, encoded, photo, stored
from tests.support.images.tiffs import (
    SIZES,
    Samples,
    Stored,
    Tag,
    assembled,
    numbers,
    palette,
    tiff_of,
)

SIZE = 32
LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1000)
EXAMPLES = 2000 if os.environ.get("LONG") else 100
"""`LONG=1 pytest tests/unit/images/test_tiff_layouts.py` tries 2,000."""
WIDTH, HEIGHT = 37, 29
COLOURS = {2: 3, 5: 4, 6: 3, 8: 3}


def samples_of(layout: Stored) -> Samples:
    """Waves over the whole range of the samples, of colours that alpha has not made impossible."""
    colours = COLOURS.get(layout.photometric or 0, 1)
    count = colours + len(layout.extras)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = [np.sin(columns / 7 + k) * np.cos(rows / 5 + 1.3 * k) for k in range(count)]
    share = (np.stack(waves, axis=-1) + 1) / 2
    if layout.extras[:1] == (1,):
        share[..., :colours] *= share[..., colours : colours + 1]
    if layout.format == 3:
        return (1000 * share - 300).astype(np.float32)
    samples: Samples = np.floor(share * (2**layout.bits - 1)).astype(np.int64)
    return samples - 2 ** (layout.bits - 1) if layout.format == 2 else samples


def picture_of(samples: Samples, layout: Stored) -> NDArray[np.float64]:
    """`[height, width, 3]`, 0 to 255, by the rules that the modules' tables state."""
    count = COLOURS.get(layout.photometric or 0, 1)
    colours, alpha = samples[..., :count], None
    extras = layout.extras
    if layout.photometric in (0, 1, None):
        picture = _grey(colours, layout)
    elif layout.photometric == 3:
        picture = palette(layout.bits)[colours[..., 0].astype(int)].astype(float)
    else:
        highest = (colours >> (layout.bits - 8)).astype(np.uint8)
        mode = {2: "RGB", 5: "CMYK", 6: "YCbCr", 8: "LAB"}[layout.photometric or 0]
        image = Image.frombytes(mode, (samples.shape[1], samples.shape[0]), highest.tobytes())
        picture = np.asarray(image.convert("RGB")).astype(float)
    if extras and extras[0] != 0:
        alpha = (samples[..., count : count + 1] >> (layout.bits - 8)) / 255
        seen = picture if extras[0] == 1 else picture * alpha
        picture = seen + 255 * (1 - alpha)
    return picture


def _grey(colours: Samples, layout: Stored) -> NDArray[np.float64]:
    if layout.format == 1 and layout.bits < 32:
        eight = colours >> (layout.bits - 8) if layout.bits > 8 else colours
        grey = eight * (255 / (2 ** min(layout.bits, 8) - 1))
    else:
        wide = colours.astype(float)
        grey = (wide - wide.min()) * 255 / (wide.max() - wide.min())
    absent = layout.photometric is None
    white_is_zero = layout.photometric == 0 or (absent and layout.bits <= 8)
    return np.repeat(255 - grey if white_is_zero else grey, 3, axis=-1)


def whole(data: bytes) -> NDArray[np.int16]:
    """The picture as it is decoded, not resized."""
    return np.asarray(open_image(data).load(10_000).image.convert("RGB"), np.int16)


def rejected(data: bytes) -> str:
    with pytest.raises(NotAnImage) as raised:
        decode(data, SIZE, LIMITS)
    return raised.value.message


GREYS = [
    *[Stored(white, 1, bits) for white in (0, 1, None) for bits in (1, 2, 4, 8, 12, 16, 32)],
    *[Stored(white, 2, bits) for white in (0, 1) for bits in (8, 16, 32)],
    *[Stored(white, 3, 32) for white in (0, 1, None)],
]
IN_EITHER_PLANES = [
    *[Stored(3, 1, bits) for bits in (1, 2, 4, 8)],
    *[Stored(2, 1, 8, extras) for extras in ((), (0,), (1,), (2,), (999,))],
    *[Stored(2, 1, 16, extras) for extras in ((), (0,), (1,), (2,))],
    *[Stored(5, 1, 8), Stored(5, 1, 16), Stored(6, 1, 8)],
]
IN_ONE_PLANE = [
    *[Stored(1, 1, 8, extras) for extras in ((0,), (1,), (2,))],
    *[Stored(3, 1, 8, extras) for extras in ((0,), (2,))],
    *[Stored(2, 1, 8, (k, *ignored)) for k in (0, 1, 2) for ignored in ((0,), (0, 0))],
    *[Stored(5, 1, 8, extras) for extras in ((0,), (0, 0))],
    Stored(8, 1, 8),
]
IGNORED_PLANES = [
    *[Stored(1, 1, bits, (0, 0), planar=2) for bits in (1, 8, 12, 16, 32)],
    *[Stored(2, 1, bits, (0, 0), planar=2) for bits in (8, 16)],
    *[Stored(5, 1, 8, (0,), planar=2), Stored(3, 1, 4, (0,), planar=2)],
]
LAYOUTS = [
    *GREYS,
    *IN_EITHER_PLANES,
    *IN_ONE_PLANE,
    *IGNORED_PLANES,
    *[replace(layout, planar=2) for layout in (*GREYS, *IN_EITHER_PLANES)],
]
WAYS: list[dict[str, Any]] = [
    {},
    {"tiled": True},
    {"compression": 8, "predictor": 2},
    {"compression": 8, "predictor": 3},
    {"compression": 34925, "tiled": True},
    {"compression": 32773},
    {"compression": 32946, "fill": 2},
    {"fill": 2},
]


def name_of(layout: Stored) -> str:
    planes = ", planes" if layout.planar == 2 else ""
    return f"{layout.photometric}, {layout.bits} of {layout.format}, {layout.extras}{planes}"


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS, ids=name_of)
def test_each_layout_of_the_table_is_read(layout: Stored, way: dict[str, Any]) -> None:
    """Within a level. Independent are tifffile, and for 2, 4 and 12 bits and the predictor of
    floats, for which it needs another package, the samples that were written."""
    samples = samples_of(layout)
    for order in "<>":
        file = replace(layout, order=order, **way)
        if _is_not_written(file):
            continue
        data = tiff_of(samples, file)
        seen = samples
        if file.bits not in (2, 4, 12) and file.predictor != 3:
            pixels = tifffile.imread(io.BytesIO(data)).reshape(-1, HEIGHT, WIDTH, samples.shape[2])
            if file.planar == 2:
                pixels = pixels.reshape(samples.shape[2], HEIGHT, WIDTH).transpose(1, 2, 0)[None]
            assert np.array_equal(pixels[0], samples), "the file is as meant"
            seen = pixels[0].astype(samples.dtype)
        assert np.abs(whole(data) - picture_of(seen, file)).max() <= 1.01


def _is_not_written(file: Stored) -> bool:
    """The table leaves out: predictors of some depths alone, 12 bits in one byte order, and
    YCbCr that libtiff must read from tiles."""
    depths = {2: file.bits in (8, 16, 32) and file.format != 3, 3: file.format == 3}
    chroma = file.photometric == 6 and file.compression == 1 and file.tiled
    return (
        not depths.get(file.predictor, True)
        or (file.bits == 12 and file.order == ">")
        or (chroma and (file.planar == 2 or file.fill == 2))
    )


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I", "F"]
)
def test_compression_changes_no_bit(mode: str, compression: str) -> None:
    image = photo(size=(90, 60)).convert("RGB" if mode == "LAB" else "L" if ";" in mode else mode)
    if mode == "LAB":
        image = Image.frombytes("LAB", image.size, image.tobytes())
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image, np.uint16) * 257)
    plain = whole(encoded(image, "TIFF", compression="raw"))
    assert np.array_equal(whole(encoded(image, "TIFF", compression=compression)), plain)


@pytest.mark.parametrize("order", ["<", ">"])
def test_chroma_that_is_subsampled_is_read(order: str) -> None:
    """Blocks of four of Y, one of Cb, one of Cr (TIFF 6.0, page 93)."""
    luma = np.arange(16 * 24, dtype=np.uint8).reshape(16, 24) % 200 + 20
    blocks = luma.reshape(8, 2, 12, 2).swapaxes(1, 2).reshape(8, 12, 4)
    chroma = np.full((8, 12, 2), (110, 150), np.uint8)
    strip = np.concatenate([blocks, chroma], axis=2).tobytes()
    tags = {tag: numbers(order, "I", value) for tag, value in ((256, 24), (257, 16), (278, 16))}
    tags |= {tag: numbers(order, "H", value) for tag, value in ((259, 1), (262, 6), (277, 3))}
    tags |= {258: numbers(order, "H", 8, 8, 8), 530: numbers(order, "H", 2, 2)}
    merged = np.dstack([luma, np.full_like(luma, 110), np.full_like(luma, 150)])
    expected = np.asarray(Image.fromarray(merged, "YCbCr").convert("RGB"), np.int16)
    found = whole(assembled(order, tags, [strip], 273))
    assert np.abs(found - expected).max() <= 1
    del tags[530]
    assert "YCbCr of 8-bit samples" in rejected(assembled(order, tags, [strip], 273))


@pytest.mark.parametrize("compression", ["tiff_ccitt", "group3", "group4"])
@pytest.mark.parametrize("zero", [0, 1])
def test_faxes_are_read(compression: str, zero: int) -> None:
    image = photo(size=(90, 60)).convert("1")
    data = encoded(image, "TIFF", compression=compression, tiffinfo={262: zero})
    assert np.array_equal(whole(data)[..., 0], 255 * np.asarray(image, np.int16))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_is_read(mode: str) -> None:
    image = photo(size=(90, 60)).convert(mode)
    data = encoded(image, "TIFF", compression="jpeg", quality=100)
    found = np.abs(whole(data) - np.asarray(image.convert("RGB"), np.int16))
    assert found.mean() < 2


def test_jpeg_of_the_old_style_is_read() -> None:
    image = photo(size=(96, 64))
    jpeg = encoded(image, "JPEG", quality=98, subsampling=0)
    layout = Stored(6, compression=6)
    one = np.zeros((64, 96, 3), np.uint8)
    data = tiff_of(one, replace(layout, more=_old_jpeg(0, len(jpeg))))
    data = tiff_of(one, replace(layout, more=_old_jpeg(len(data), len(jpeg)))) + jpeg
    found = np.abs(whole(data) - np.asarray(Image.open(io.BytesIO(jpeg)), np.int16))
    assert found.max() <= 1


def _old_jpeg(place: int, length: int) -> dict[int, Tag]:
    strips = {273: numbers("<", "I", place), 279: numbers("<", "I", length)}
    rows = {278: numbers("<", "I", 64), 317: numbers("<", "H", 1)}
    return {**strips, **rows, 512: numbers("<", "H", 1), 513: strips[273], 514: strips[279]}


def test_thunderscan_is_read() -> None:
    layout = Stored(bits=4, compression=32809)
    samples = samples_of(layout)[:, :36]
    assert np.abs(whole(tiff_of(samples, layout)) - picture_of(samples, layout)).max() <= 1


def test_an_unexplained_fourth_sample_is_alpha() -> None:
    for bits in (8, 16):
        explained = Stored(2, bits=bits, extras=(2,))
        samples = samples_of(explained)
        missing = replace(explained, extras=())
        assert np.array_equal(whole(tiff_of(samples, missing)), whole(tiff_of(samples, explained)))
    apart = replace(missing, bits=8, planar=2)
    found = np.abs(whole(tiff_of(samples >> 8, apart)) - picture_of(samples, explained))
    assert found.max() <= 1.01
    assert "RGB of 8-bit samples with further samples, in separate planes" in rejected(
        tiff_of(samples >> 8, replace(apart, tiled=True))
    )


NAMED = [
    (Stored(1, bits=64), "grey of 64-bit samples"),
    (Stored(1, 3, 64), "grey of 64-bit float samples"),
    (Stored(1, bits=12, order=">"), "grey of 12-bit samples, big-endian"),
    (Stored(1, bits=10), "grey of 10-bit samples"),
    (Stored(1, bits=7), "grey of unusual samples"),
    (Stored(0, bits=8, extras=(2,)), "grey of 8-bit samples with alpha"),
    (Stored(1, bits=16, extras=(2,)), "grey of 16-bit samples with alpha"),
    (Stored(1, bits=8, extras=(2,), planar=2), "grey of 8-bit samples with alpha, in separate pl"),
    (Stored(2, 3, 32), "RGB of 32-bit float samples"),
    (Stored(2, 2, 16), "RGB of 16-bit signed samples"),
    (Stored(2, bits=4), "RGB of 4-bit samples"),
    (Stored(2, bits=16, extras=(2, 0)), "RGB of 16-bit samples with alpha"),
    (Stored(2, bits=8, extras=(0, 2)), "RGB of 8-bit samples with alpha"),
    (Stored(3, bits=16), "a palette of 16-bit samples"),
    (Stored(5, bits=8, extras=(2,)), "CMYK of 8-bit samples with alpha"),
    (Stored(8, bits=16), "L*a*b* of 16-bit samples"),
    (Stored(8, bits=8, planar=2), "L*a*b* of 8-bit samples, in separate planes"),
    (Stored(4, bits=1), "a mask of 1-bit samples"),
    (Stored(32803, bits=16), "raw data of a sensor of 16-bit samples"),
    (Stored(77), "unknown colours of 8-bit samples"),
    (Stored(1, compression=34887), "grey of 8-bit samples, LERC compression"),
    (Stored(2, compression=50001), "RGB of 8-bit samples, WebP compression"),
    (Stored(1, bits=16, compression=7), "grey of 16-bit samples, JPEG compression"),
    (Stored(2, compression=4), "RGB of 8-bit samples, fax compression"),
    (Stored(1, compression=999), "grey of 8-bit samples, unknown compression"),
]


@pytest.mark.parametrize(("layout", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_layout_that_is_not_read_is_named(layout: Stored, name: str) -> None:
    samples = samples_of(replace(layout, format=1, bits=min(layout.bits, 16)))
    if layout.photometric == 3:
        layout = replace(layout, photometric=3, more={320: numbers("<", "H", *[0] * 48)})
        samples = samples[:1, :1]
    message = rejected(tiff_of(samples, layout))
    assert message.startswith(f"This TIFF has {name}")
    assert "which is not read; grey of 1 to 32 bits, palettes, RGB and CMYK of 8 or 16" in message


def test_samples_of_different_bits_or_formats_are_named() -> None:
    layout = Stored(2)
    for tag, values in ((258, (5, 6, 5)), (339, (1, 2, 1))):
        data = tiff_of(samples_of(layout), replace(layout, more={tag: numbers("<", "H", *values)}))
        assert rejected(data).startswith("This TIFF has RGB of ")


# Samples that hold no data


def floats(values: Samples, nodata: str = "", photometric: int = 1, format: int = 3) -> bytes:
    more: dict[int, Tag] = {42113: (2, nodata.encode() + b"\0")} if nodata else {}
    return tiff_of(values[..., None], Stored(photometric, format, 32, more=more))


RAMP = np.linspace(100, 200, 40 * 30, dtype=np.float32).reshape(30, 40)
RANGE = np.linspace(0, 255, 40 * 30).reshape(30, 40)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("where", [(0, 0), (15, 20), (29, 39)], ids=str)
@pytest.mark.parametrize(
    ("absent", "nodata"),
    [(np.nan, ""), (np.inf, ""), (-np.inf, ""), (-9999, "-9999"), (-9999, " -9.999e+3 "),
     (-3.4028235e38, "-3.40282346638529e+38"), (np.nan, "nan"), (np.inf, "1e999")],
)  # fmt: skip
def test_what_holds_no_data_is_white_and_out_of_the_range(
    absent: float, nodata: str, where: tuple[int, int], photometric: int
) -> None:
    values = RAMP.copy()
    values[where] = absent
    expected = RANGE.copy() if photometric == 1 else 255 - RANGE
    expected[where] = 255
    found = whole(floats(values, nodata, photometric))[..., 0]
    assert found[where] == 255
    near = np.abs(found - expected)
    # The end of the ramp may be the one without data.
    assert near.max() <= 1.3


def test_nodata_counts_for_integers_with_a_range() -> None:
    values = RAMP.astype(np.int32)
    values[3, 4] = -32768
    assert whole(floats(values, "-32768", format=2))[3, 4, 0] == 255
    assert np.abs(whole(floats(values, "-32768", format=2))[..., 0] - RANGE)[8:].max() < 4
    assert np.abs(whole(floats(values, "many", format=2))[8:, :, 0] - 255).max() < 5


@pytest.mark.parametrize("values", [np.nan, np.inf, -9999], ids=str)
def test_no_data_at_all_is_no_image(values: float) -> None:
    data = floats(np.full((20, 20), values, np.float32), "-9999")
    assert rejected(data) == "Not a supported image, or a damaged one"


def test_unsigned_integers_are_not_wrapped() -> None:
    values = np.linspace(0, 2**32 - 1, 40 * 30).reshape(30, 40).astype(np.uint32)
    for order in "<>":
        found = whole(tiff_of(values[..., None], Stored(bits=32, order=order)))[..., 0]
        assert np.abs(found - RANGE).max() <= 1


@pytest.mark.parametrize("bits", [16, 32])
def test_a_large_picture_is_converted_as_a_small_one(bits: int) -> None:
    """In strips, whose range is that of the whole."""
    row = np.linspace(0, 2**bits - 1, 1500)
    values = np.repeat(row[:, None], 1500, axis=1).astype(f"u{bits // 8}")
    found = open_image(tiff_of(values[..., None], Stored(bits=bits))).load(750)
    assert found.image.size == (1500, 1500)
    column = np.asarray(found.image, int)[:, 700]
    assert np.abs(column - np.linspace(0, 255, 1500)).max() <= 1


# Side information


KEPT = {
    *(*range(256, 260), 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320),
    *(*range(322, 326), 338, 339, 347, *range(512, 522), 529, 530, 532, 42113),
}
TAGS = st.one_of(
    st.sampled_from(
        [
            *(254, 255, 269, 270, 271, 272, 280, 281, 282, 283, 285, 296, 297, 301, 305, 306, 315),
            *(318, 330, 332, 333, 334, 340, 341, 531, 700, 33432, 33723, 34377, 34665, 34675),
            *(34853, 37724, 40965, 48129, 50838, 50839, 65000),
        ]
    ),
    st.integers(1, 65_535),
).filter(lambda tag: tag not in KEPT)
VALUES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([bytes(8), b"\xff" * 8, struct.pack("<II", 0, 5), b"8BIM" * 9, b"\0" * 3000]),
)
ENTRIES = st.lists(
    st.tuples(
        TAGS,
        st.one_of(st.sampled_from(sorted(SIZES)), st.integers(0, 65_535)),
        st.one_of(st.none(), st.sampled_from([0, 1, 2, 2**31, 2**32 - 1]), st.integers(0, 3000)),
        VALUES,
    ),
    min_size=1,
    max_size=6,
)
PLAIN = [
    tiff_of(samples_of(layout), layout)
    for layout in (
        Stored(2),
        Stored(2, bits=16, extras=(2,), planar=2, order=">"),
        Stored(2, compression=8, predictor=2),
        Stored(3, bits=4, tiled=True, compression=32773),
        Stored(0, 3, 32, order=">", compression=8),
    )
]


def with_entries(data: bytes, added: list[tuple[int, int, int | None, bytes]]) -> bytes:
    """The file with a new directory at its end; a count of None is the true one.

    Values of more than four bytes lie in front of it, or where their first bytes say.
    """
    order = "<" if data.startswith(b"II") else ">"
    (count,) = struct.unpack_from(f"{order}H", data, 8)
    entries = {
        int.from_bytes(entry[:2], "little" if order == "<" else "big"): entry
        for entry in (data[10 + 12 * at : 22 + 12 * at] for at in range(count))
    }
    for tag, kind, number, value in added:
        true = len(value) // SIZES.get(kind, 1)
        content = value.ljust(4, b"\0")[:4]
        if len(value) > 4 and number is None:
            content = struct.pack(f"{order}I", len(data))
            data += value + bytes(len(value) % 2)
        head = struct.pack(f"{order}HHI", tag, kind, true if number is None else number)
        entries[tag] = head + content
    data += bytes(len(data) % 2)
    directory = b"".join(entry for _, entry in sorted(entries.items()))
    head = data[:4] + struct.pack(f"{order}I", len(data))
    return head + data[8:] + struct.pack(f"{order}H", len(entries)) + directory + bytes(4)


@settings(max_examples=EXAMPLES, deadline=None)
@given(plain=st.sampled_from(PLAIN), added=ENTRIES)
def test_no_other_tag_changes_a_bit(
    plain: bytes, added: list[tuple[int, int, int | None, bytes]]
) -> None:
    data = with_entries(plain, added)
    assert np.array_equal(decode(data, SIZE, LIMITS), decode(plain, SIZE, LIMITS))


SUNK: dict[str, list[tuple[int, int, int | None, bytes]]] = {
    "resolution of 0/0": [(282, 5, None, bytes(8)), (283, 5, None, bytes(8)), (296, 3, 1, b"\3\0")],
    "resolution as text": [(282, 2, None, b"72 dpi"), (283, 2, None, b"72"), (296, 3, 1, b"\3\0")],
    "description behind the end": [(270, 2, 90, b"\xff\xff\xff\x0f")],
    "description of 4 GB": [(270, 2, 2**32 - 1, bytes(4))],
    "EXIF directory behind the end": [(34665, 4, 1, b"\xff\xff\xff\x0f")],
    "profile of nothing": [(34675, 7, 0, b"")],
    "pixel format of JPEG XR": [(0xBC01, 1, None, bytes(16))],
}


@pytest.mark.parametrize("name", SUNK)
def test_broken_side_information_sinks_no_picture(name: str) -> None:
    for plain in (PLAIN[0], PLAIN[2]):
        data = with_entries(plain, SUNK[name])
        assert np.array_equal(decode(data, SIZE, LIMITS), decode(plain, SIZE, LIMITS))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["H", "I"])
@pytest.mark.parametrize("big", [False, True])
def test_the_orientation_is_applied_once(orientation: int, kind: str, big: bool) -> None:
    upright = photo(size=(90, 60))
    image = stored(upright, orientation)
    data = encoded(image, "TIFF", tiffinfo={274: orientation}, big_tiff=big, icc_profile=b"")
    if kind == "I":
        short = struct.pack("<HHQH" if big else "<HHIH", 274, 3, 1, orientation)
        assert data.count(short) == 1
        data = data.replace(short, struct.pack("<HH", 274, 4) + short[4:])
    assert np.array_equal(decode(data, SIZE, LIMITS), decode(encoded(upright, "PNG"), SIZE, LIMITS))


def test_a_directory_that_is_cut_is_damage() -> None:
    data = with_entries(PLAIN[2], [(270, 2, None, b"a description")])
    for lost in (0, 4):
        assert np.array_equal(whole(data[: len(data) - lost]), whole(PLAIN[2]))
    for lost in (5, 20, 100):
        assert rejected(data[: len(data) - lost]) == "Not a supported image, or a damaged one"

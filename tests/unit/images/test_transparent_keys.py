"""Transparent colours of a PNG, which are numbers in the file's own units, and its grey levels.

The files are written by hand: an encoder might write another depth, or drop the colour.
"""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imgvec.images.decode import ImageLimits, decode
from tests.support.images.pictures import encoded
from tests.support.images.pngs import GREY, GREY_ALPHA, PALETTE, RGB, RGB_ALPHA, png

SIZE = 32
LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1000)
KINDS = {
    **{f"grey of {depth}": (GREY, depth) for depth in (1, 2, 4, 8, 16)},
    **{f"RGB of {depth}": (RGB, depth) for depth in (8, 16)},
}
PALETTE_DEPTHS = (1, 2, 4, 8)


def samples_of(kind: str) -> NDArray[np.uint16]:
    """Noise of every value, `[40, 50, samples]`; a few are those around the key in the middle."""
    colour_type, depth = KINDS[kind]
    shape = (40, 50, 3 if colour_type == RGB else 1)
    samples = np.random.default_rng(depth).integers(0, 1 << depth, shape, np.uint16)
    key = samples[20, 25] = (1 << depth) * 5 // 7
    # In each sample, and in each bit of it, a pixel that the key is not.
    for sample in range(shape[2]):
        for bit in range(depth):
            samples[sample, bit] = key
            samples[sample, bit, sample] ^= 1 << bit
    samples[10:13] = key
    return samples


def in_8_bits(samples: NDArray[np.uint16], depth: int) -> NDArray[np.uint8]:
    """1 bit: 0 and 255; 2 bits: times 85; 4 bits: times 17; 16 bits: the higher byte."""
    scaled = samples >> 8 if depth == 16 else samples * {1: 255, 2: 85, 4: 17, 8: 1}[depth]
    return scaled.astype(np.uint8)


def shows(data: bytes, expected: NDArray[np.uint8]) -> bool:
    """Whether the file gives the same bits as these pixels, `[height, width, 1 or 3]`, in a BMP."""
    rgb = np.broadcast_to(expected, (*expected.shape[:2], 3))
    plain = encoded(Image.fromarray(np.ascontiguousarray(rgb)), "BMP")
    return np.array_equal(decode(data, SIZE, LIMITS), decode(plain, SIZE, LIMITS))


def one_colour(data: bytes) -> tuple[int, int, int]:
    """The only colour of the decoded picture."""
    colours = np.unique(decode(data, SIZE, LIMITS).reshape(-1, 3), axis=0)
    assert len(colours) == 1
    red, green, blue = colours[0].tolist()
    return red, green, blue


WHITE = (255, 255, 255)
TABLE: dict[str, tuple[int, int, tuple[int, ...], tuple[int, ...], tuple[int, int, int]]] = {
    "grey of 1, the key": (GREY, 1, (0,), (0,), WHITE),
    "grey of 1, another": (GREY, 1, (0,), (1,), (0, 0, 0)),
    "grey of 2, the key": (GREY, 2, (2,), (2,), WHITE),
    "grey of 2, another": (GREY, 2, (2,), (3,), (170, 170, 170)),
    "grey of 4, the key": (GREY, 4, (5,), (5,), WHITE),
    "grey of 4, another": (GREY, 4, (5,), (4,), (85, 85, 85)),
    "grey of 4, another below": (GREY, 4, (4,), (5,), (68, 68, 68)),
    "grey of 8, the key": (GREY, 8, (77,), (77,), WHITE),
    "grey of 8, another": (GREY, 8, (77,), (76,), (77, 77, 77)),
    "grey of 16, the key": (GREY, 16, (0x4D01,), (0x4D01,), WHITE),
    "grey of 16, the low byte differs": (GREY, 16, (0x4D01,), (0x4D02,), (77, 77, 77)),
    "grey of 16, the high byte differs": (GREY, 16, (0x4D01,), (0x4C01,), (77, 77, 77)),
    "grey of 16, the pixel's higher byte": (GREY, 16, (0x4D01,), (0x004D,), (77, 77, 77)),
    "RGB of 8, the key": (RGB, 8, (9, 8, 7), (9, 8, 7), WHITE),
    "RGB of 8, red differs": (RGB, 8, (9, 8, 7), (8, 8, 7), (9, 8, 7)),
    "RGB of 8, green differs": (RGB, 8, (9, 8, 7), (9, 9, 7), (9, 8, 7)),
    "RGB of 8, blue differs": (RGB, 8, (9, 8, 7), (9, 8, 6), (9, 8, 7)),
    "RGB of 16, the key": (RGB, 16, (0x901, 0x802, 0x703), (0x901, 0x802, 0x703), WHITE),
    "RGB of 16, a low byte differs": (
        *(RGB, 16, (0x901, 0x802, 0x703), (0x901, 0x802, 0x704)),
        (9, 8, 7),
    ),
    "RGB of 16, a high byte differs": (
        *(RGB, 16, (0x901, 0x802, 0x703), (0x801, 0x802, 0x703)),
        (9, 8, 7),
    ),
}
"""Colour type, depth, the pixels, the key, and the colour that is right."""


@pytest.mark.parametrize("case", TABLE)
def test_one_colour_and_one_key(case: str) -> None:
    colour_type, depth, pixel, key, expected = TABLE[case]
    samples = np.broadcast_to(np.array(pixel, np.uint16), (12, 20, len(pixel)))
    clear = struct.pack(f">{len(key)}H", *key)
    assert one_colour(png(samples, depth, colour_type, clear)) == expected
    assert one_colour(png(samples, depth, colour_type, clear, interlaced=True)) == expected
    assert one_colour(png(samples, depth, colour_type)) == tuple(
        np.broadcast_to(in_8_bits(np.array(pixel, np.uint16), depth), 3).tolist()
    )


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_key_is_white_and_nothing_else_is(kind: str, interlaced: bool) -> None:
    colour_type, depth = KINDS[kind]
    samples = samples_of(kind)
    key = samples[20, 25]
    clear = struct.pack(f">{len(key)}H", *key.tolist())
    matching = (samples == key).all(axis=2, keepdims=True)
    assert 150 <= matching.sum() < matching.size
    expected = np.where(matching, np.uint8(255), in_8_bits(samples, depth))
    assert shows(png(samples, depth, colour_type, clear, interlaced=interlaced), expected)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_without_a_key_levels_are_scaled(kind: str, interlaced: bool) -> None:
    colour_type, depth = KINDS[kind]
    samples = samples_of(kind)
    data = png(samples, depth, colour_type, interlaced=interlaced)
    assert shows(data, in_8_bits(samples, depth))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", PALETTE_DEPTHS)
def test_entries_beyond_the_end_of_an_alpha_table_are_opaque(depth: int, interlaced: bool) -> None:
    chance = np.random.default_rng(depth)
    entries = 1 << depth
    palette = chance.integers(0, 200, (entries, 3), np.uint8)
    samples = chance.integers(0, entries, (40, 50, 1), np.uint16)
    for length in {0, 1, entries // 2, entries}:
        alpha = chance.choice(np.array([0, 255], np.uint8), length)
        alpha[-1:] = 0
        table = np.append(alpha, np.full(entries - length, 255, np.uint8))
        shown = np.where(table[:, None] == 0, np.uint8(255), palette)
        data = png(
            samples, depth, PALETTE, alpha.tobytes(), palette.tobytes(), interlaced=interlaced
        )
        assert shows(data, shown[samples[..., 0]]), length


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", PALETTE_DEPTHS)
def test_an_alpha_table_has_all_levels(depth: int, interlaced: bool) -> None:
    for alpha in (1, 100, 254):
        samples = np.ones((12, 20, 1), np.uint16)
        data = png(samples, depth, PALETTE, bytes((0, alpha)), bytes(3) + b"\x64\0\xc8", interlaced)
        expected = [(level * alpha + 255 * (255 - alpha)) / 255 for level in (100, 0, 200)]
        assert np.abs(np.subtract(one_colour(data), expected)).max() <= 1


@pytest.mark.parametrize("side", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("kind", KINDS)
def test_small_interlaced_pictures_are_their_plain_form(kind: str, side: int) -> None:
    """Passes of Adam7 that have no pixel."""
    colour_type, depth = KINDS[kind]
    samples = samples_of(kind)[-side:, :side]
    clear = struct.pack(f">{samples.shape[2]}H", *samples[0, 0].tolist())
    plain, woven = (
        decode(png(samples, depth, colour_type, clear, interlaced=interlaced), SIZE, LIMITS)
        for interlaced in (False, True)
    )
    assert np.array_equal(plain, woven)


def nearly(data: bytes, expected: NDArray[np.uint8]) -> bool:
    """Averaged by boxes, and white where the key is."""
    rgb = np.ascontiguousarray(np.broadcast_to(expected, (*expected.shape[:2], 3)))
    plain = decode(encoded(Image.fromarray(rgb), "BMP"), SIZE, LIMITS).astype(np.int16)
    return bool(np.abs(decode(data, SIZE, LIMITS) - plain).max() <= 2)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_reduced_picture_has_the_same_transparency(kind: str, interlaced: bool) -> None:
    """Each pixel is composited before boxes are averaged."""
    colour_type, depth = KINDS[kind]
    samples = np.tile(samples_of(kind), (5, 5, 1))[:198, :249]
    key = samples[20, 25]
    clear = struct.pack(f">{len(key)}H", *key.tolist())
    matching = (samples == key).all(axis=2, keepdims=True)
    expected = np.where(matching, np.uint8(255), in_8_bits(samples, depth))
    assert nearly(png(samples, depth, colour_type, clear, interlaced=interlaced), expected)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("colour_type", [GREY_ALPHA, RGB_ALPHA])
def test_a_reduced_picture_has_the_same_alpha(colour_type: int, depth: int) -> None:
    chance = np.random.default_rng(depth)
    shape = (198, 249, 2 if colour_type == GREY_ALPHA else 4)
    samples = chance.integers(0, 1 << depth, shape, np.uint16)
    levels = in_8_bits(samples, depth).astype(np.float64)
    colours, alpha = levels[..., :-1], levels[..., -1:]
    expected = (colours * alpha + 255 * (255 - alpha)) / 255
    assert nearly(png(samples, depth, colour_type), expected.round().astype(np.uint8))

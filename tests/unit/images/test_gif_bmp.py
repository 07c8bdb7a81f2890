"""White beside a GIF's first frame, and a BMP whose alpha is 0 everywhere."""

import io
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imgvec.errors import TooLarge
from imgvec.images.decode import ImageLimits, decode
from tests.support.images.bmps import (
    ABGR,
    BGAR,
    BGRA,
    MASKED_HEADERS,
    NONE,
    RGB_1555,
    RGBA,
    bmp_file,
    packed,
)
from tests.support.images.gifs import Gif
from tests.support.images.pictures import encoded, photo

SIZE = 32
LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1000)
CHANCE = np.random.default_rng(7)
COMMON, OWN = CHANCE.integers(0, 200, (2, 256, 3), np.uint8)
FRAME = CHANCE.integers(0, 256, (20, 30), np.uint8)
CLEAR_IN_FRAME = int(FRAME[3, 4])


def shows(data: bytes, expected: NDArray[np.uint8]) -> bool:
    """Whether the file gives the same bits as these pixels in a plain one."""
    plain = encoded(Image.fromarray(expected), "BMP")
    return np.array_equal(decode(data, SIZE, LIMITS), decode(plain, SIZE, LIMITS))


# GIF


PALETTES = {
    "global": (COMMON, None),
    "local": (None, OWN),
    "both": (COMMON, OWN),
    "none": (None, None),
}


@pytest.mark.parametrize("palettes", PALETTES)
@pytest.mark.parametrize("transparent", [None, 0, CLEAR_IN_FRAME])
def test_around_the_first_frame_is_white(palettes: str, transparent: int | None) -> None:
    common, own = PALETTES[palettes]
    for place, background, interlaced, version in product(
        [(0, 0), (7, 5), (18, 22)], [0, 3], [False, True], [b"87a", b"89a"]
    ):
        left, top = place
        gif = Gif(
            *(FRAME, (48, 42), left, top, common, own, transparent, background),
            *(interlaced, version),
        )
        assert shows(gif.file(), gif.shown()), (place, background, interlaced, version)


@pytest.mark.parametrize("transparent", [None, 9])
@pytest.mark.parametrize("colours", [COMMON, None], ids=["colours", "grey"])
@pytest.mark.parametrize("top", [0, 33, 700, 1190])
def test_a_large_screen_is_white_around_the_frame(
    top: int, colours: NDArray[np.uint8] | None, transparent: int | None
) -> None:
    """It is reduced in strips; the frame begins inside an averaged box, and above or in a strip."""
    frame = np.random.default_rng(top).integers(0, 256, (1200 - top, 1100), np.uint8)
    gif = Gif(frame, (1500, 1200), 211, top, colours, transparent=transparent)
    assert shows(gif.file(), gif.shown())


@pytest.mark.parametrize("transparent", [None, CLEAR_IN_FRAME])
@pytest.mark.parametrize("palettes", PALETTES)
def test_a_frame_of_the_whole_screen_is_as_pillow_has_it(
    palettes: str, transparent: int | None
) -> None:
    common, own = PALETTES[palettes]
    gif = Gif(FRAME, (30, 20), common=common, own=own, transparent=transparent)
    layer = Image.open(io.BytesIO(gif.file())).convert("RGBA")
    assert shows(gif.file(), gif.shown())
    assert shows(
        gif.file(),
        np.asarray(
            Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
        ),
    )


@pytest.mark.parametrize(("left", "top"), [(0, 0), (11, 0), (0, 13), (40, 40)])
def test_a_frame_beyond_the_screen_makes_it_larger(left: int, top: int) -> None:
    """As Chrome has it; Firefox cuts the frame off, or takes its size for the screen's."""
    gif = Gif(FRAME, (25, 18), left, top, COMMON)
    assert gif.shown().shape[:2] == (max(18, top + 20), max(25, left + 30))
    assert shows(gif.file(), gif.shown())


def test_a_gif_costs_nothing_before_it_is_judged() -> None:
    """Pillow makes a picture of the frame's size for what follows it, at the first look."""
    gif = Gif(FRAME, (30, 20), common=COMMON, disposal=2).file()
    place = gif.index(b",\0\0\0\0\x1e\0\x14\0")
    huge = gif[: place + 5] + b"\xe0\x2e\xe0\x2e" + gif[place + 9 :]
    with pytest.raises(TooLarge):
        decode(huge, SIZE, LIMITS)


# BMP


OPAQUE = np.dstack([np.asarray(photo("coffee", (45, 30))), np.full((30, 45), 255, np.uint8)])
HIDDEN = OPAQUE * np.array([1, 1, 1, 0], np.uint8)
SEEN = HIDDEN.copy()
SEEN[7, 9, 3] = 1
MASKS = {"RGBA": RGBA, "BGRA": BGRA, "ABGR": ABGR, "BGAR": BGAR}


@pytest.mark.parametrize("upwards", [True, False], ids=["upwards", "downwards"])
@pytest.mark.parametrize("header", MASKED_HEADERS)
@pytest.mark.parametrize("masks", MASKS)
def test_a_bmp_without_any_alpha_is_opaque(masks: str, header: int, upwards: bool) -> None:
    mask = MASKS[masks]
    for pixels in (HIDDEN, OPAQUE):
        data = bmp_file(packed(pixels, mask), mask, header, upwards=upwards)
        assert shows(data, OPAQUE[..., :3])


@pytest.mark.parametrize("header", MASKED_HEADERS)
@pytest.mark.parametrize("masks", MASKS)
def test_a_bmp_of_some_alpha_is_transparent(masks: str, header: int) -> None:
    """One pixel of 45 x 30 is shown, faintly; all else is white."""
    mask = MASKS[masks]
    expected = np.full((30, 45, 3), 255, np.uint8)
    layer = Image.fromarray(SEEN)
    composed = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    expected[7, 9] = np.asarray(composed)[7, 9, :3]
    assert shows(bmp_file(packed(SEEN, mask), mask, header), expected)


@pytest.mark.parametrize("header", MASKED_HEADERS)
def test_masks_of_nothing_are_those_of_bgra(header: int) -> None:
    for pixels in (HIDDEN, OPAQUE):
        assert shows(bmp_file(packed(pixels, BGRA), NONE, header), OPAQUE[..., :3])


@pytest.mark.parametrize("header", [40, 52, *MASKED_HEADERS])
@pytest.mark.parametrize("fields", [False, True])
def test_a_byte_beside_the_colours_is_no_alpha(header: int, fields: bool) -> None:
    """No mask of alpha, or masks that do not count."""
    masks = (*BGRA[:3], 0 if fields else BGRA[3])
    for pixels in (HIDDEN, SEEN, OPAQUE):
        data = bmp_file(packed(pixels, BGRA), masks, header, fields)
        assert shows(data, OPAQUE[..., :3])


@pytest.mark.parametrize("header", MASKED_HEADERS)
def test_a_bmp_of_16_bits_is_opaque(header: int) -> None:
    """Its one bit of alpha never counts, set or not."""
    expected = ((OPAQUE[..., :3] >> 3).astype(np.uint16) * 255 // 31).astype(np.uint8)
    for pixels in (HIDDEN, OPAQUE):
        data = bmp_file(packed(pixels, RGB_1555, 16), RGB_1555, header)
        assert shows(data, expected)


def test_a_large_bmp_without_any_alpha_is_opaque() -> None:
    """It is reduced in strips."""
    pixels = np.random.default_rng(1).integers(0, 1 << 24, (1200, 1500), np.uint32)
    samples = pixels.view(np.uint8).reshape(1200, 1500, 4)
    assert shows(bmp_file(pixels, BGRA), np.ascontiguousarray(samples[..., 2::-1]))

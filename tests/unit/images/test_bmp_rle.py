"""Run-length encoded BMP: the pixels that Pillow's own decoder gives, which is the reference."""

import io
import random
from collections.abc import Callable

import pytest
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile

from imgvec.images.bmp import Bmp
from tests.support.images.tiny_files import ends_of_line, jumps, rle_bitmap


def loaded(opener: type[BmpImageFile], data: bytes) -> tuple[str, bytes] | None:
    """Mode and pixels; None of a damaged file."""
    try:
        image: Image.Image = opener(io.BytesIO(data))
        image.load()
    except (OSError, ValueError):
        return None
    return image.mode, image.tobytes()


def some_runs(chance: random.Random, bits: int) -> bytes:
    """Runs of each kind, some of them past the end of a row or of the picture."""
    runs = b""
    for _ in range(chance.randint(0, 80)):
        match chance.choice("RRRRRREEELLLLJZ"):
            case "R":
                runs += bytes((chance.randint(1, 60), chance.randrange(256)))
            case "E":
                runs += b"\0\0"
            case "L":
                count = chance.randint(3, 30)
                size = (count + 1) // 2 if bits == 4 else count
                padding = size % 2 if chance.random() < 0.9 else 0
                runs += bytes((0, count)) + chance.randbytes(size) + bytes(padding)
            case "J":
                runs += bytes((0, 2, chance.randrange(6), chance.randrange(3)))
            case _ if chance.random() < 0.2:
                runs += b"\0\1"
    return runs[: chance.randint(0, len(runs))] if chance.random() < 0.2 else runs


@pytest.mark.parametrize("bits", [4, 8])
def test_any_runs_give_the_pixels_of_pillow(bits: int) -> None:
    chance = random.Random(bits)
    decoded = 0
    for _ in range(2000):
        size = chance.randint(1, 40), chance.randint(1, 12)
        data = rle_bitmap(bits, *size, some_runs(chance, bits))
        expected = loaded(BmpImageFile, data)
        assert loaded(Bmp, data) == expected
        decoded += expected is not None
    assert decoded > 500


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("make", [ends_of_line, jumps])
def test_filled_rows_are_those_of_pillow(make: Callable[[int, int], bytes], bits: int) -> None:
    data = make(bits, 300)
    found = loaded(Bmp, data)
    assert found is not None
    assert found == loaded(BmpImageFile, data)

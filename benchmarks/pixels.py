"""From bytes to pixels: every size and format."""

from functools import partial
from typing import Final

from PIL.Image import Image

from benchmarks.material import FORMATS, LIMITS, SIZES, Material
from benchmarks.timing import Pace, in_turns
from imgvec.images.decode import decode
from imgvec.images.formats import open_image

ROUNDS: Final = 25
ROUNDS_OF_48: Final = 5


def section(material: Material, pace: Pace) -> str:
    """A line for each size."""
    side = material.clip.image_size
    lines = [
        "## From bytes to pixels",
        "",
        f"{side} x {side} of them, one thread, ms: median (quartiles).",
        "",
        f"| megapixels | {' | '.join(FORMATS)} |",
        "|---" * (len(FORMATS) + 1) + "|",
    ]
    for size in SIZES:
        work = {
            format: partial(decode, material.photos[size, format].read_bytes(), side, LIMITS)
            for format in FORMATS
        }
        timed = in_turns(work, pace.rounds(ROUNDS_OF_48 if size == "48" else ROUNDS))
        lines.append(f"| {size} | {' | '.join(map(str, timed.values()))} |")
    return "\n".join([*lines, ""])


def loaded(data: bytes, side: int) -> Image:
    """An image decoded at the least scale that keeps `side`, where its format has any."""
    image = open_image(data)
    image.draft(None, (side, side))
    image.load()
    return image

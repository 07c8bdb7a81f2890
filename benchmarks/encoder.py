"""The image tower alone, on one thread: float32, int8 as served, and the arithmetic's limits."""

from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from benchmarks.machine import uses_tiles
from benchmarks.material import CLIP, STARTER, Material
from benchmarks.products import macs, multiplier, opened, tower_macs, tower_products
from benchmarks.timing import Pace, in_turns
from imgvec.encoders.registry import shipped_folder
from imgvec_models.graphs.run import Feed

ROUNDS: Final = 40
SIDE: Final = 2048
"""Of the square matrices whose product shows what the kernels can do."""


def section(material: Material, pace: Pace) -> str:
    """Milliseconds of one image, and how far from the limits they are."""
    rounds, own = pace.rounds(ROUNDS), tower_products(material.clip)
    timed = in_turns(
        {
            "square": multiplier([(SIDE, SIDE, SIDE)]),
            "own": multiplier(own),
            "float32": tower(material.source / "image.onnx"),
            "int8": tower(material.models / CLIP / "image.onnx"),
            "starter": tower(shipped_folder() / STARTER / "image.int8.onnx"),
        },
        rounds,
    )
    fp32, int8 = timed["float32"].median, timed["int8"].median
    whole = tower_macs(material.clip)
    rate, own_rate = SIDE**3 / timed["square"].median, macs(own) / timed["own"].median
    limit = whole / rate
    return "\n".join(
        [
            "## The encoder",
            "",
            "CLIP B/32's image tower, one thread, one image, ms: median (quartiles) of "
            f"{rounds} runs in turns.",
            "",
            "| graph | ms | of float32 |",
            "|---|---|---|",
            f"| ONNX Runtime, float32 | {timed['float32']} | 1 |",
            f"| int8, as served | {timed['int8']} | {fp32 / int8:.2f} times faster |",
            f"| its {len(own)} integer products, bare | {timed['own']} | |",
            f"| `starter`, as served | {timed['starter']} | |",
            "",
            f"A product of {SIDE}-cubed int8 matrices reaches {rate / 1e6:.0f} GMAC/s on this "
            f"core, {_by_what()}, so {whole / 1e9:.2f} GMAC take {limit:.1f} ms at least: the "
            f"served graph takes **{int8 / limit:.2f} times** that limit. The tower's own matrices "
            f"have {1 + material.clip.patches} rows, of which the same kernel makes "
            f"{own_rate / 1e6:.0f} GMAC/s: the served graph takes "
            f"**{int8 / timed['own'].median:.2f} times** its bare products.",
            "",
        ]
    )


def tower(path: Path, images: int = 1) -> partial[object]:
    """One run of an image tower's first output, on so many random images at once."""
    session = opened(str(path))
    return partial(session.run, [session.get_outputs()[0].name], random_images(session, images))


def random_images(session: onnxruntime.InferenceSession, images: int = 1) -> Feed:
    """What a tower takes."""
    (taken,) = session.get_inputs()
    shape = (images, *taken.shape[1:])
    return {taken.name: np.random.default_rng(0).normal(size=shape).astype(np.float32)}


def _by_what() -> str:
    return "with AMX" if uses_tiles() else "without AMX"

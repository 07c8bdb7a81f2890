"""Where the time of one request goes: each stage alone, their sum, and the whole over HTTP."""

from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from benchmarks.dialect import dialect_stages
from benchmarks.gate import gate_stages
from benchmarks.material import CLIP, LIMITS, Material
from benchmarks.pixels import loaded
from benchmarks.served import PHOTOS
from benchmarks.server import served
from benchmarks.timing import Measured, Pace, Timed, in_turns
from benchmarks.wire import Connection, img_embed
from imgvec.api.mounts import json_answer
from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.onnx import OnnxEncoder, normaliser
from imgvec.images.decode import decode
from imgvec.images.formats import open_image
from imgvec.images.geometry import Picture, square

ROUNDS: Final = 25
PIXELS: Final = "bytes to pixels"
ENCODE: Final = "encode"
GATE: Final = "gate, for a consumer with a plan"
DIALECT: Final = "dialect and framework: read a form, write an answer"
STAGES: Final = (PIXELS, ENCODE, GATE, DIALECT)
WHOLE: Final = "the whole request, over HTTP"
OF_THAT: Final = "&nbsp; of that, "
INSTEAD: Final = "&nbsp; in its place, "


def section(material: Material, pace: Pace) -> str:
    """A JPEG's request in three sizes."""
    rounds = pace.rounds(ROUNDS)
    with served(material, CLIP) as (running, key), closing(Connection(running.address)) as there:
        timed = {size: _timed(material, size, there, key, rounds) for size in PHOTOS}
    return "\n".join(_table(timed, rounds))


def _timed(
    material: Material, size: str, there: Connection, key: str, rounds: int
) -> dict[str, Timed]:
    photo = material.photos[size, "JPEG"].read_bytes()
    request = img_embed(key, photo)
    with (
        TemporaryDirectory() as folder,
        gate_stages(Path(folder, "gate"), photo) as gate,
        dialect_stages(Path(folder, "dialect"), photo) as dialect,
    ):
        work: dict[str, Measured] = {
            **_computed(material, photo),
            GATE: gate.pass_all,
            f"{OF_THAT}admit: find the key and its plan": gate.authenticate,
            f"{OF_THAT}permit: space and rate": gate.permit,
            f"{OF_THAT}reserve a unit (SQLite)": gate.reserve,
            f"{OF_THAT}settle it (SQLite)": gate.settle,
            DIALECT: dialect.form,
            f"{OF_THAT}serialise 512 floats": _serialise(),
            f"{INSTEAD}base64 in JSON, read": dialect.text,
            f"{INSTEAD}a form in a function, from event to answer": dialect.function,
            WHOLE: partial(there.ask, request.written),
        }
        return in_turns(work, rounds)


def _computed(material: Material, photo: bytes) -> dict[str, Measured]:
    """What the threads compute, one after the other."""
    encoder = OnnxEncoder(material.models / CLIP)
    side = encoder.image_size
    normalise = normaliser(read_manifest(material.models / CLIP).preprocessing)
    pixels = decode(photo, side, LIMITS)
    width, height = open_image(photo).size
    image = loaded(photo, 2 * side)
    picture = Picture(image, width, height, image.width / width)
    return {
        PIXELS: partial(decode, photo, side, LIMITS),
        f"{OF_THAT}decode": partial(loaded, photo, 2 * side),
        f"{OF_THAT}resize and crop": partial(square, picture, side),
        ENCODE: partial(encoder.encode_image, pixels, 512),
        f"{OF_THAT}normalise": partial(normalise, pixels),
    }


def _serialise() -> Measured:
    random = np.random.default_rng(0).normal(size=512).astype(np.float32)
    return partial(json_answer, {"embedding": random})


def _table(timed: Mapping[str, Mapping[str, Timed]], rounds: int) -> list[str]:
    sums = {size: sum(of[stage].median for stage in STAGES) for size, of in timed.items()}
    others = " and ".join(
        f"{sums[size] - timed[size][ENCODE].median:.1f} ms for {size} megapixels"
        for size in (PHOTOS[-1], PHOTOS[0])
    )
    between = [f"{of[WHOLE].median - sums[size]:.1f}" for size, of in timed.items()]
    return [
        "## Where the time of a request goes",
        "",
        "A JPEG in a form, CLIP, each stage alone on one thread, ms: median (quartiles) of "
        f"{rounds} rounds in turns.",
        "",
        f"| stage | {' | '.join(f'{size} MP' for size in timed)} |",
        "|---" * (len(timed) + 1) + "|",
        *(
            f"| {stage} | {' | '.join(str(of[stage]) for of in timed.values())} |"
            for stage in timed[PHOTOS[0]]
            if stage != WHOLE
        ),
        f"| sum of the {len(STAGES)} | {' | '.join(f'{one:.1f}' for one in sums.values())} |",
        f"| {WHOLE} | {' | '.join(str(of[WHOLE]) for of in timed.values())} |",
        f"| HTTP, and handing over between threads: the rest | {' | '.join(between)} |",
        "",
        f"Everything that is not the encoder and not HTTP: **{others}**.",
        "",
    ]

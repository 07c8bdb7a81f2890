"""Where the time of one request goes: each stage alone, their sum, and the whole over HTTP."""

from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.dialect import dialect_stage
from benchmarks.gate import gate_stages
from benchmarks.material import CLIP, FORMATS, LIMITS, SIZES, Material
from benchmarks.server import served
from benchmarks.served import PHOTOS
from benchmarks.timing import Measured, Pace, Timed, in_turns
from benchmarks.wire import Connection, img_embed
from imgvec.dialects.protocol import json_answer
from imgvec.encoders.arithmetic import normaliser
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.verify import read_manifest
from imgvec.images.decode import decode
from imgvec.images.formats import open_image
from imgvec.images.geometry import Picture, square

ROUNDS: Final = 25
ROUNDS_OF_48: Final = 5
PIXELS: Final = "bytes to pixels"
ENCODE: Final = "encode"
GATE: Final = "gate: admit, permit, reserve, settle"
DIALECT: Final = "dialect and framework: a form read, an answer written"
SUM: Final = (PIXELS, ENCODE, GATE, DIALECT)
WHOLE: Final = "**the whole request, over HTTP**"


def section(material: Material, pace: Pace) -> str:
    """Every stage of a JPEG's request, then bytes to pixels for all photos."""
    rounds = pace.rounds(ROUNDS)
    with served(material, CLIP) as (running, key), ExitStack() as stack:
        connection = stack.enter_context(closing(Connection(running.address)))
        data = Path(stack.enter_context(TemporaryDirectory()))
        timed = {}
        for size in PHOTOS:
            photo = material.photos[size, "JPEG"].read_bytes()
            with gate_stages(data / size, photo) as gate, dialect_stage(data, photo) as dialect:
                work = {
                    **_computing(material, photo),
                    **{f"of that, {name}": do for name, do in gate.items()},
                    GATE: partial(_all, list(gate.values())),
                    DIALECT: dialect,
                    WHOLE: partial(connection.ask, img_embed(key, photo).written),
                }
                timed[size] = in_turns(work, rounds)
    return "\n".join([*_table(timed, rounds), *_decoding(material, pace)])


def _computing(material: Material, photo: bytes) -> dict[str, Measured]:
    """What the threads compute, one thing after the other."""
    encoder = OnnxEncoder(material.models / CLIP)
    side = encoder.image_size
    normalise = normaliser(read_manifest(material.models / CLIP).preprocessing)
    pixels = decode(photo, side, LIMITS)
    full = open_image(photo).size
    image = loaded(photo, 2 * side)
    picture = Picture(image, *full, scale=image.width / full[0])
    vector = encoder.encode_image(pixels, 512)
    return {
        PIXELS: partial(decode, photo, side, LIMITS),
        "of that, decode": partial(loaded, photo, 2 * side),
        "of that, resize and crop": partial(square, picture, side),
        ENCODE: partial(encoder.encode_image, pixels, 512),
        "of that, normalise": partial(normalise, pixels),
        "serialise 512 floats": partial(json_answer, {"embedding": vector}),
    }

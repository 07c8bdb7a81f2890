"""Limits of requests with many inputs, judged before any work."""

import orjson

from imgvec.embedding.elements import json_bytes
from imgvec.embedding.types import EmbedRequest, ImageInput
from imgvec.errors import BadParameter
from imgvec.settings import Settings

ENVELOPE = 2000
"""Bytes of an answer beside its vectors, at most."""
BESIDE_A_VECTOR = 60
"""Bytes that stand around one vector, at most."""


def check_list(
    wanted: EmbedRequest,
    settings: Settings,
    *,
    packed: bool,
    vendors: int | None = None,
    beside: int = 0,
) -> None:
    """Judge the number of inputs, texts and images, and the size of the answer.

    `packed`: vectors are answered in base64. `vendors` is the vendor's own limit on inputs, and
    `beside` are the answer's bytes beside its vectors.

    Raises:
        BadParameter: one is above its limit; the message says how many would fit.
    """
    inputs = len(wanted.inputs)
    most = min(settings.max_inputs, vendors or settings.max_inputs)
    if inputs > most:
        raise BadParameter(f"There are {inputs} inputs, and a request may have {most}")
    parts = wanted.parts
    images = sum(isinstance(part, ImageInput) for part in parts)
    texts = len(parts) - images
    if texts > settings.max_inputs:
        raise BadParameter(f"There are {texts} texts, and a request may have {settings.max_inputs}")
    if images > settings.max_images:
        raise BadParameter(
            f"There are {images} images, and a request may have {settings.max_images}"
        )
    if settings.max_answer is not None:
        each = BESIDE_A_VECTOR + sum(
            json_bytes(wanted.dimensions, element, packed=packed) for element in wanted.elements
        )
        fit = max(0, settings.max_answer - ENVELOPE - beside) // each
        if inputs > fit:
            raise BadParameter(
                f"The answer to {inputs} inputs would be too large: send at most {fit} a request"
            )


def bytes_beside(content: object, settings: Settings) -> int:
    """Bytes that a part of the answer takes; 0 where answers have no limit.

    The JSON is a string within JSON in a function's answer, which has one.
    """
    return len(orjson.dumps(orjson.dumps(content).decode())) if settings.max_answer else 0

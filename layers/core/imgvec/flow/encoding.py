"""What a turn computes once its units are reserved."""

from typing import TypeAlias

from imgvec.encoders.protocol import Encoder
from imgvec.values import Pixels, Vector

Encoded: TypeAlias = tuple[tuple[Vector, ...], int]
"""Vectors, and the tokens that were read for them."""


def encode_image(encoder: Encoder, pixels: Pixels, dimensions: int) -> Encoded:
    """One image."""
    return (encoder.encode_image(pixels, dimensions),), encoder.image_tokens


def encode_texts(encoder: Encoder, texts: tuple[str, ...], dimensions: int) -> Encoded:
    """One text at a time, so that no vector depends on its batch-mates."""
    encoded = [encoder.encode_text(text, dimensions) for text in texts]
    return tuple(vector for vector, _ in encoded), sum(tokens for _, tokens in encoded)

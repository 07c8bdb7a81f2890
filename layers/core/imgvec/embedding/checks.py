"""Checks of a request against the encoder that serves it."""

from collections.abc import Sequence

from imgvec.embedding.elements import BITS, SCALED
from imgvec.embedding.types import Embedding, EmbedRequest, TextInput
from imgvec.encoders import Encoder
from imgvec.errors import BadParameter


def check_elements(wanted: EmbedRequest, encoder: Encoder, has_text: bool) -> None:
    """Raise `BadParameter` for elements that the encoder cannot give."""
    dimensions = wanted.dimensions
    if not SCALED.isdisjoint(wanted.elements) and dimensions not in encoder.scales:
        raise BadParameter(f"{encoder.name} has no 8-bit integers in {dimensions} dimensions")
    if has_text and dimensions in encoder.composed and not BITS.isdisjoint(wanted.elements):
        # A text ends in zeros there: its bits would say nothing, and distances would be noise.
        joint = min(encoder.dimensions)
        raise BadParameter(f"A text has no binary form in {dimensions} dimensions, ask for {joint}")


def check_whole(wanted: EmbedRequest, encoder: Encoder, encoded: Sequence[Embedding]) -> None:
    """Raise `BadParameter` for a text that the encoder has cut."""
    remaining = iter(encoded)
    for position, one in enumerate(wanted.inputs):
        for part in one:
            tokens = next(remaining).text_tokens
            if isinstance(part, TextInput) and encoder.text_limit.reached(part.text, tokens):
                error = BadParameter(
                    f"The text has {encoder.text_limit.tokens} tokens or more, and the rest of a "
                    "longer one is not read"
                )
                error.position = position
                raise error

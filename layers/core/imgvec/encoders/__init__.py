"""The interface of an encoder, as the service uses it; it knows no HTTP and no vendor."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from imgvec.errors import BadParameter, InternalFault
from imgvec.types import Geometry, Pixels, Vector

WantedImage: TypeAlias = tuple[Pixels, int]
"""Pixels, and the dimensions of the space that they are wanted in."""


class TextLimit(NamedTuple):
    """How much of a text an encoder reads; none of it without a text tower."""

    tokens: int = 0
    characters: int = 0

    def reached(self, text: str, tokens: int) -> bool:
        """Whether a text of which so many tokens were read may have been cut."""
        return tokens >= self.tokens or len(text) > self.characters


class Encoder(Protocol):
    """A loaded, verified encoder. Calls are thread-safe, and one input never affects another."""

    name: str
    """The encoder's id, as in `IMGVEC_ENCODERS` and `X-Embedding-Model`."""
    revision: str
    """SHA-256 over weights and preprocessing, 64 hex digits."""
    image_size: int
    """Height and width of the pixels it takes."""
    geometry: Geometry
    """How a picture becomes those pixels."""
    image_tokens: int
    """Its own input sequence length for an image (a convolutional tower's final grid)."""
    dimensions: frozenset[int]
    """The dimensions that it has, for image and text alike."""
    preferred: int
    """Those of a request that names the encoder and no dimensions."""
    composed: frozenset[int]
    """Those that end in zeros for a text."""
    scales: Mapping[int, float]
    """The factors from floats to 8-bit integers, by dimensions."""
    embeds_text: bool
    """Whether it has a text tower."""
    text_limit: TextLimit

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        """Embed `uint8 [image_size, image_size, 3]` to `float32 [dimensions]`, L2 norm 1."""

    def encode_text(self, text: str, dimensions: int) -> tuple[Vector, int]:
        """Embed a text into the same space; also give the number of tokens read.

        Raises:
            BadParameter: the encoder embeds images only, or the text is not valid Unicode.
        """


def images_only(name: str) -> BadParameter:
    """The error of a text for an encoder without a text tower."""
    return BadParameter(f"{name} embeds images only")


@runtime_checkable
class BatchEncoder(Encoder, Protocol):
    """An encoder that can take several images in one inference."""

    def encode_images(self, wanted: Sequence[WantedImage]) -> Sequence[Vector | InternalFault]:
        """Embed each image to its own dimensions; one that gives no vector has its error there."""

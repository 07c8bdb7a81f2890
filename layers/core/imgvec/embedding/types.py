"""A request for embeddings and its result, the same for dialects, commands and bulk jobs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from imgvec.embedding.elements import Element
from imgvec.types import Allowance, ImageFacts, Pixels, Vector


@dataclass(frozen=True, slots=True)
class ImageUrl:
    """An image at an http(s) URL, not validated yet."""

    url: str


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """An image file that came with the request: base64, data URI or upload."""

    data: bytes


@dataclass(frozen=True, slots=True)
class AssetRef:
    """An image that the consumer uploaded before."""

    asset_id: str


@dataclass(frozen=True, slots=True)
class ImageRead:
    """An image file that is read, in a thread, when its turn comes: of a bulk job."""

    read: Callable[[], bytes]
    """Raises a `RequestError` where there is no such file."""


ImageSource: TypeAlias = ImageUrl | ImageBytes | AssetRef | ImageRead


@dataclass(frozen=True, slots=True)
class ImageInput:
    """An image to embed."""

    source: ImageSource


@dataclass(frozen=True, slots=True)
class TextInput:
    """A text to embed."""

    text: str


Part: TypeAlias = ImageInput | TextInput
Input: TypeAlias = tuple[Part, ...]
"""One input becomes one embedding. The unit vectors of several parts are summed in their order and
scaled to norm 1 again."""


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Inputs to embed, all or nothing, in the order in which they are returned."""

    inputs: tuple[Input, ...]
    dimensions: int
    encoder: str | None = None
    """The encoder's id; None for the first that has these dimensions."""
    elements: tuple[Element, ...] = ("float",)
    """The element types that the answer is written in; vectors are float32 all the same."""
    whole: bool = False
    """Reject a text that the encoder would cut."""
    described: bool = False
    """Whether the answer says the format and size of each image."""
    digested: bool = False
    """Whether the result has the digest of each part."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of all inputs, in order. Each is one unit."""
        return tuple(part for one in self.inputs for part in one)


def each(parts: Sequence[Part], dimensions: int) -> EmbedRequest:
    """A request with one part for each input."""
    return EmbedRequest(tuple((part,) for part in parts), dimensions)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A part that is ready to be encoded."""

    content: Pixels | str
    digest: bytes = b""
    """SHA-256 of the file or the text; empty where nobody asks for it."""
    facts: ImageFacts | None = None
    """Of an image, where the request asks for it."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """The vector of one input."""

    vector: Vector
    tokens: int
    """The encoder's input sequence length, summed over the parts."""
    text_tokens: int = 0
    """Those of its texts alone."""


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """One embedding for each input, in order, and the encoder that made them."""

    embeddings: tuple[Embedding, ...]
    model: str
    revision: str
    """SHA-256 over weights and preprocessing, 64 hex digits."""
    dimensions: int
    scale: float | None = None
    """The factor of 8-bit integers, where they are asked for."""
    images: tuple[ImageFacts, ...] = ()
    """Of all images in order, where the request asks for them."""
    allowance: Allowance | None = None
    """None if the principal's plan has no limit."""
    digests: tuple[bytes, ...] = ()
    """SHA-256 of the file or text of each part in order, where the request asks for them."""

    @property
    def tokens(self) -> int:
        """Tokens of all embeddings."""
        return sum(one.tokens for one in self.embeddings)

    @property
    def text_tokens(self) -> int:
        """Tokens of all texts."""
        return sum(one.text_tokens for one in self.embeddings)

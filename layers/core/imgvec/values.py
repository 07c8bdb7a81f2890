"""The typed values that travel along the flow: dialect, gate, source, pixels, encoder, dialect."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from imgvec.consumers.allowance import Allowance
from imgvec.consumers.plan import Plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]
    """One upright sRGB image at the encoder's input size, `uint8 [height, width, 3]`."""

    Vector: TypeAlias = NDArray[np.float32]
    """One embedding, `float32 [dimensions]`, L2 norm 1 within 1e-5."""
else:
    # Functions that compute nothing are installed without numpy.
    Pixels = Vector = object


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a picture of any shape becomes an encoder's square input."""

    crop: Literal["centre", "none"] = "centre"
    """`centre`: resize the short side and crop the middle; `none`: squash both sides."""
    resize: Literal["bicubic", "bilinear"] = "bicubic"
    """The filter, as Pillow's of that name."""


CLIP_GEOMETRY: Final = Geometry()
"""That of OpenAI's CLIP, and of the starter."""


@dataclass(frozen=True, slots=True)
class Url:
    """An image that somebody else serves; not judged yet."""

    url: str


@dataclass(frozen=True, slots=True)
class Inline:
    """An image that came with the request: base64, data URI or upload, as bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StoredAsset:
    """An image that the consumer uploaded before."""

    asset_id: str


ImageSource: TypeAlias = Url | Inline | StoredAsset


@dataclass(frozen=True, slots=True)
class ImageWanted:
    """One image to embed, in a space of `dimensions`."""

    source: ImageSource
    dimensions: int


@dataclass(frozen=True, slots=True)
class TextWanted:
    """Texts to embed, each one unit, all or nothing, in a space of `dimensions`."""

    texts: tuple[str, ...]
    dimensions: int


Wanted: TypeAlias = ImageWanted | TextWanted


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the consumer that owns assets and quota, and the key that was shown."""

    consumer: str
    key_id: str
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, as it is counted: once for its id, or for the client's `Idempotency-Key`."""

    request_id: str
    dialect: str
    asked: str
    """Path and SHA-256 of the fields, the API key left out; empty without an `idempotency_key`."""
    idempotency_key: str | None = None
    """As the client sent it, not judged yet."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What the encoder made: one vector for each thing wanted, and the name of what made them."""

    vectors: tuple[Vector, ...]
    model: str
    revision: str
    """SHA-256 over weights and preprocessing, 64 hex digits."""
    dimensions: int
    tokens: int
    """The encoder's own input sequence length, summed over what was embedded."""
    allowance: Allowance | None = None
    """None where the caller's plan sets no limit."""

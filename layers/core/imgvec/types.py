"""Types at the bottom of the library: pixels, vectors, who asks, which request it is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

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
class Principal:
    """Who asks: the consumer that owns assets and quota, and the key that was sent."""

    consumer: str
    key_id: str
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request as it is counted: once for its id, or for the client's `Idempotency-Key`."""

    request_id: str
    dialect: str
    fingerprint: str
    """Path and SHA-256 of the fields, the API key left out; empty without an `idempotency_key`."""
    idempotency_key: str | None = None
    """As the client sent it, not validated yet."""

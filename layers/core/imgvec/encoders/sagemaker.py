"""The encoder that lies behind a SageMaker endpoint; here is only its manifest."""

import logging
import math
from typing import Protocol

import numpy as np
import orjson

from imgvec.encoders.described import Described
from imgvec.encoders.invocation import PIXELS, TEXT, Attributes
from imgvec.encoders.manifest import Manifest
from imgvec.errors import BadParameter, InternalFault
from imgvec.values import Pixels, Vector

NORM_TOLERANCE = 1e-5
"""The vectors' own promise; both ends compute the norm of the same bits."""

log = logging.getLogger(__name__)


class Invoke(Protocol):
    """What it needs of an endpoint."""

    def invoke(self, body: bytes, media_type: str, asked: Attributes) -> tuple[bytes, int]:
        """The bytes of the vector, and the tokens that were read."""


class SageMakerEncoder(Described):
    """An `Encoder` whose inferences run at an endpoint, of this very revision or not at all.

    Nothing else takes over while the endpoint is away: vectors of two encoders do not mix.
    """

    def __init__(self, manifest: Manifest, endpoint: Invoke) -> None:
        """Know the encoder by its manifest; the endpoint is asked for nothing yet."""
        super().__init__(manifest)
        self._endpoint = endpoint

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        """Embed `uint8 [image_size, image_size, 3]` to `float32 [dimensions]`, L2 norm 1.

        Raises:
            BadParameter: there is no space of these dimensions.
            NotReady: the endpoint wakes, is being replaced, is down or too slow.
            Overloaded: more is asked of it than it can do.
            InternalFault: it failed, or answered with no such vector.
        """
        return self._encode(pixels.tobytes(), PIXELS, dimensions)[0]

    def encode_text(self, text: str, dimensions: int) -> tuple[Vector, int]:
        """Embed a text into the same space; also give the number of tokens read.

        Raises:
            BadParameter: there is no space of these dimensions, or the text is not valid Unicode.
            NotReady: the endpoint wakes, is being replaced, is down or too slow.
            Overloaded: more is asked of it than it can do.
            InternalFault: it failed, or answered with no such vector.
        """
        # The text tower reads no further.
        start = text[: self._manifest.text.max_characters]
        try:
            body = orjson.dumps(start)
        except orjson.JSONEncodeError:  # what it makes of a lone surrogate
            raise BadParameter("The text is not valid Unicode") from None
        return self._encode(body, TEXT, dimensions)

    def _encode(self, body: bytes, media_type: str, dimensions: int) -> tuple[Vector, int]:
        self._require(dimensions)
        asked = Attributes(self._revision, dimensions)
        answer, tokens = self._endpoint.invoke(body, media_type, asked)
        return _read_vector(answer, dimensions), tokens


def _read_vector(answer: bytes, dimensions: int) -> Vector:
    """The vector of an answer, if it is one: no other may reach an index.

    Raises:
        InternalFault: it has other dimensions, or is no unit vector (NaN is none).
    """
    if len(answer) != 4 * dimensions:
        log.error("the endpoint answers %d bytes for %d dimensions", len(answer), dimensions)
        raise InternalFault
    vector = np.frombuffer(answer, "<f4").astype(np.float32)
    norm = math.sqrt(float(np.square(vector, dtype=np.float64).sum()))
    if not abs(norm - 1) <= NORM_TOLERANCE:
        log.error("the endpoint answers a vector of norm %s", norm)
        raise InternalFault
    return vector

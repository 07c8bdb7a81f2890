"""An encoder behind a SageMaker endpoint; only its manifest is on this machine."""

import logging
import math
from typing import Protocol

import numpy as np
import orjson

from imgvec.encoders import images_only
from imgvec.encoders.manifest import Manifest, ManifestEncoder
from imgvec.encoders.sagemaker.client import PIXELS, TEXT, Attributes
from imgvec.errors import BadParameter, InternalFault
from imgvec.types import Pixels, Vector

NORM_TOLERANCE = 1e-5
"""The vectors' own promise; both ends compute the norm of the same bits."""

log = logging.getLogger(__name__)


class Invoke(Protocol):
    """The one method that is used of an endpoint."""

    def invoke(self, body: bytes, media_type: str, wanted: Attributes) -> tuple[bytes, int]:
        """The bytes of the vector, and the tokens that were read."""


class SageMakerEncoder(ManifestEncoder):
    """An `Encoder` whose inferences run at an endpoint of the same revision, and nowhere else.

    No other encoder takes over while the endpoint is down: vectors of two encoders do not mix.
    """

    def __init__(self, manifest: Manifest, endpoint: Invoke) -> None:
        """Keep the manifest and the endpoint; no call is made yet."""
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
            BadParameter: there is no space of these dimensions, the encoder embeds images only,
                or the text is not valid Unicode.
            NotReady: the endpoint wakes, is being replaced, is down or too slow.
            Overloaded: more is asked of it than it can do.
            InternalFault: it failed, or answered with no such vector.
        """
        if self._manifest.text is None:
            raise images_only(self.name)
        # The text tower reads no further.
        start = text[: self._manifest.text.max_characters]
        try:
            body = orjson.dumps(start)
        except orjson.JSONEncodeError:  # what it makes of a lone surrogate
            raise BadParameter("The text is not valid Unicode") from None
        return self._encode(body, TEXT, dimensions)

    def _encode(self, body: bytes, media_type: str, dimensions: int) -> tuple[Vector, int]:
        self._require(dimensions)
        wanted = Attributes(self.revision, dimensions)
        answer, tokens = self._endpoint.invoke(body, media_type, wanted)
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

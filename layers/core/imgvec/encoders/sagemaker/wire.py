"""The format of an invocation, shared by the service and the serving container.

Pixels travel decoded, `uint8 [size, size, 3]` at the encoder's input size: 150 kB where a photo has
megabytes, and the endpoint's few CPU cores feed its GPU instead of decoding JPEG. Texts travel as
JSON strings, since an empty text is valid. A vector comes back as little-endian float32. Custom
attributes beside the body name the encoder and the dimensions.
"""

from dataclasses import dataclass
from typing import Final, Self

from imgvec.errors import BadParameter

PIXELS: Final = "application/octet-stream"
TEXT: Final = "application/json"
VECTOR: Final = "application/octet-stream"
HEADER: Final = "X-Amzn-SageMaker-Custom-Attributes"
"""The HTTP header in which SageMaker passes custom attributes on, in both directions."""

STALE: Final = 409
"""Status of the container's answer for a revision that it does not serve."""
FULL: Final = 503
"""Status of its answer while its queue is full, and while it drains."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """Custom attributes of a body: `revision=<64 hex digits>;count=<number>`."""

    revision: str
    """Revision of the encoder that is to make the vector, or has made it."""
    count: int
    """In a request the dimensions, in an answer the tokens that were read."""

    def __str__(self) -> str:
        """The header's value."""
        return f"revision={self.revision};count={self.count}"

    @classmethod
    def parse(cls, header: str) -> Self:
        """Parse the header's value.

        Raises:
            BadParameter: it has another form.
        """
        fields = dict(part.partition("=")[::2] for part in header.split(";"))
        try:
            return cls(fields["revision"], int(fields["count"]))
        except (KeyError, ValueError):
            raise BadParameter(f"{HEADER} must be revision=...;count=...") from None

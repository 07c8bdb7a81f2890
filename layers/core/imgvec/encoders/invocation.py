"""What travels between the service and an endpoint that encodes; both ends use this.

Pixels travel decoded, `uint8 [size, size, 3]` at the encoder's own size: 150 kB where a photo has
megabytes, and the endpoint's few CPU cores feed its GPU instead of reading JPEGs. Texts travel as
JSON, since an empty one is a good text. A vector comes back as little-endian float32. Which encoder
and which space are named beside the body, in SageMaker's custom attributes.
"""

from dataclasses import dataclass
from typing import Final, Self

from imgvec.errors import BadParameter

PIXELS: Final = "application/octet-stream"
TEXT: Final = "application/json"
VECTOR: Final = "application/octet-stream"
HEADER: Final = "X-Amzn-SageMaker-Custom-Attributes"
"""The HTTP header in which SageMaker hands custom attributes on, in both directions."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is said of a body: `revision=<64 hex digits>;count=<number>`."""

    revision: str
    """Of the encoder that is to make the vector, or has made it."""
    count: int
    """Asked: the dimensions of the space. Answered: the tokens that were read."""

    def __str__(self) -> str:
        """As it is written into the header."""
        return f"revision={self.revision};count={self.count}"

    @classmethod
    def parse(cls, header: str) -> Self:
        """Read what `str` wrote.

        Raises:
            BadParameter: it is nothing of the kind.
        """
        fields = dict(part.partition("=")[::2] for part in header.split(";"))
        try:
            return cls(fields["revision"], int(fields["count"]))
        except (KeyError, ValueError):
            raise BadParameter(f"{HEADER} must be revision=...;count=...") from None

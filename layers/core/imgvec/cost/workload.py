"""What a month of embedding is made of, and how long a function works on one image.

The milliseconds are those of a fast, quiet core with AVX512-VNNI; docs/performance.md names slower
ones. A processor of Lambda is assumed to take half as long again.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Via: TypeAlias = Literal["upload", "url"]
Gateway: TypeAlias = Literal["rest", "http", "url"]
Processor: TypeAlias = Literal["avx2", "vnni"]

LAMBDA_SLOWER: Final = 1.5
DECODE_MS: Final = 3.0
DECODE_MS_PER_MEGAPIXEL: Final = 1.65
"""JPEGs of quality 90, decoded at a reduced scale."""
ENCODE_MS: Final = {"starter": 9.0, "clip-vit-b32": 15.0, "clip-vit-l14": 270.0}
"""With VNNI; L/14 by its arithmetic, 18 times that of B/32."""
AVX2_SLOWER: Final = 2.4
"""What a processor without VNNI takes for an encoder: measured on one whose VNNI was hidden, 2.1 to
2.7 times (docs/performance.md)."""
STORES_MS: Final = 12.0
"""Two writes to the table, waited for; the key is cached."""
ROUTE_MS: Final = 5.0
"""Event, form, key, answer. Under the runtime emulator 2 megapixels took 0.36 of their decoding, so
3.4 by that measure; the rest is a margin."""
FETCH_MS: Final = 300.0
"""An image URL, waited for: a guess, as it is the other side's."""
ENDPOINT_MS: Final = 12.0
"""A call of an endpoint that encodes, waited for."""

PHOTO_BYTES_PER_MEGAPIXEL: Final = 350_000
UPLOAD_BYTES: Final = 4_400_000
"""The largest image in a request; larger ones go by a presigned upload."""
ANSWER_BYTES: Final = 3_300
"""Headers and 512 values as JSON, 6.4 kB, which are compressed to 2.7 for clients that ask, as most
do by themselves: by the REST API, or by the function where the front door does not."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A month of images, all alike."""

    images: int
    megapixels: float
    via: Via = "upload"
    gateway: Gateway = "rest"
    encoder: str = "clip-vit-b32"
    processor: Processor = "avx2"

    @property
    def photo_bytes(self) -> float:
        """Size of one image file."""
        return self.megapixels * PHOTO_BYTES_PER_MEGAPIXEL

    @property
    def body_bytes(self) -> float:
        """What a request carries."""
        return 0.0 if self.via == "url" or self.presigned else self.photo_bytes

    @property
    def presigned(self) -> bool:
        """Whether the image passes by the bucket, because no request can hold it."""
        return self.via == "upload" and self.photo_bytes > UPLOAD_BYTES

    @property
    def requests(self) -> int:
        """Requests of one image: a presigned upload is asked for first."""
        return 2 if self.presigned else 1

    @property
    def encode_ms(self) -> float:
        """Time that a function encodes."""
        slower = AVX2_SLOWER if self.processor == "avx2" else 1.0
        return ENCODE_MS[self.encoder] * slower * LAMBDA_SLOWER

    @property
    def compute_ms(self) -> float:
        """Time that a function decodes and encodes."""
        decode = DECODE_MS + DECODE_MS_PER_MEGAPIXEL * self.megapixels
        return decode * LAMBDA_SLOWER + self.encode_ms

    @property
    def function_ms(self) -> float:
        """Time that is billed for one image."""
        fetch = FETCH_MS if self.via == "url" else 0.0
        return self.compute_ms + STORES_MS + ROUTE_MS + fetch

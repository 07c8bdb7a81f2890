"""The bill of a month of embeddings on AWS: list prices, the workload, and each line.

Prices are those of us-east-1, x86, in dollars, without free tiers; read in November 2026. The
milliseconds are those of a fast, quiet core with AVX512-VNNI; docs/explanation/performance.md has
slower ones. A processor of Lambda is assumed to take half as long again.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Tiers: TypeAlias = tuple[tuple[float, float], ...]
"""Units a month up to which a price holds, and the price of a unit."""

MILLION: Final = 1_000_000
GIGABYTE: Final = 10**9
MONTH_HOURS: Final = 730
REST_REQUEST: Final[Tiers] = (
    (333 * MILLION, 3.50 / MILLION),
    (1_000 * MILLION, 2.80 / MILLION),
    (20_000 * MILLION, 2.38 / MILLION),
    (float("inf"), 1.51 / MILLION),
)
HTTP_REQUEST: Final[Tiers] = ((300 * MILLION, 1.00 / MILLION), (float("inf"), 0.90 / MILLION))
"""Of each 512 KiB that a request has begun."""
HTTP_UNIT_BYTES: Final = 512 * 1024
LAMBDA_REQUEST: Final = 0.20 / MILLION
LAMBDA_GIB_SECOND: Final = 0.0000166667
"""Billed by the millisecond, the init phase included."""
TABLE_WRITE: Final = 0.625 / MILLION
"""Of one unit: up to 1 KB, on demand."""
TABLE_READ: Final = 0.125 / MILLION
BUCKET_WRITE: Final = 5.00 / MILLION
BUCKET_READ: Final = 0.40 / MILLION
BUCKET_BYTE_MONTH: Final = 0.023 / GIGABYTE
LOG_BYTE: Final = 0.50 / GIGABYTE
EGRESS_BYTE: Final = 0.09 / GIGABYTE
"""To the internet; what comes in is free."""

CONTAINER_HOUR: Final = 0.04048 + 2 * 0.004445
"""Fargate: one processor and 2 GB."""
BALANCER_HOUR: Final = 0.0225 + 0.008
"""An application load balancer, with one of its capacity units."""
GPU_HOUR: Final = 0.7364
"""A SageMaker ml.g4dn.xlarge: one T4."""


def tiered(units: float, tiers: Tiers) -> float:
    """Dollars for so many units a month."""
    dollars, begun = 0.0, 0.0
    for end, price in tiers:
        dollars += max(0.0, min(units, end) - begun) * price
        begun = end
    return dollars


Via: TypeAlias = Literal["upload", "url"]
Gateway: TypeAlias = Literal["rest", "http", "url"]
Processor: TypeAlias = Literal["avx2", "vnni"]

LAMBDA_SLOWER: Final = 1.5
DECODE_MS: Final = 3.0
DECODE_MS_PER_MEGAPIXEL: Final = 1.65
"""JPEGs of quality 90, decoded at a reduced scale."""
ENCODE_MS: Final = {
    "starter": 9.0,
    "clip-vit-b32": 15.0,
    "clip-vit-l14": 270.0,
    "siglip2-b16": 63.0,
    "siglip2-l16": 286.0,
    "mobileclip2-s2": 57.0,
}
"""With VNNI; L/14 by its arithmetic, 18 times that of B/32; the last three on a loaded machine,
with random weights (docs/explanation/quantisation.md)."""
AVX2_SLOWER: Final = 2.4
"""Factor for an encoder on a processor without VNNI: measured on one whose VNNI was hidden, 2.1 to
2.7 times (docs/explanation/performance.md)."""
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
    measured_ms: float | None = None
    """Of an image on a quiet core of this processor, in the place of the encoder's own."""

    @property
    def photo_bytes(self) -> float:
        return self.megapixels * PHOTO_BYTES_PER_MEGAPIXEL

    @property
    def body_bytes(self) -> float:
        return 0.0 if self.via == "url" or self.presigned else self.photo_bytes

    @property
    def presigned(self) -> bool:
        """Whether the image passes by the bucket, asked for first: no request can hold it."""
        return self.via == "upload" and self.photo_bytes > UPLOAD_BYTES

    @property
    def requests(self) -> int:
        return 2 if self.presigned else 1

    @property
    def slower(self) -> float:
        """Than a processor with VNNI."""
        return AVX2_SLOWER if self.processor == "avx2" else 1.0

    @property
    def vnni_ms(self) -> float:
        """Of an image on a quiet core with VNNI."""
        if self.measured_ms is None:
            return ENCODE_MS[self.encoder]
        return self.measured_ms / self.slower

    @property
    def encode_ms(self) -> float:
        return self.vnni_ms * self.slower * LAMBDA_SLOWER

    @property
    def compute_ms(self) -> float:
        decode = DECODE_MS + DECODE_MS_PER_MEGAPIXEL * self.megapixels
        return decode * LAMBDA_SLOWER + self.encode_ms

    @property
    def function_ms(self) -> float:
        """Time that is billed for one image."""
        fetch = FETCH_MS if self.via == "url" else 0.0
        return self.compute_ms + STORES_MS + ROUTE_MS + fetch


FUNCTION_GIB: Final = 1769 / 1024
"""One whole processor."""
AUTHORIZER: Final = LAMBDA_REQUEST + 1.0 * 0.002 * LAMBDA_GIB_SECOND
"""Of one call: 1 GiB for 2 ms."""
COLD_SHARE: Final = 0.002
COLD_SECONDS: Final = 1.5
LOG_BYTES: Final[dict[Gateway, int]] = {"rest": 950, "http": 950, "url": 815}
"""The usage line, and the access line where there is a gateway: 802 and 135 bytes for a consumer of
four letters and a stack of eleven, under the runtime emulator."""
LOAD: Final = 0.5
"""Share of its time that a machine which is always there can be busy, with short waits."""
GPU_FASTER: Final = 44
"""Than one core with VNNI: a T4 at 40 % of its 65 TFLOP/s in fp16, against 8.8 GFLOP in 15 ms."""

LOSES: Final[dict[Gateway, str]] = {
    "rest": "Loses nothing: this is what template.yaml deploys.",
    "http": "Loses usage plans (rate and quota are judged in the function alone) and the gateway's "
    "own errors in the vendors' words; bodies are billed by 512 KiB.",
    "url": "Loses the gateway: no throttle before the function, so strangers' requests are billed; "
    "no access log, no domain of your own without CloudFront.",
}


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another host, and from how many images a month it is the cheaper one."""

    name: str
    images: float
    capacity: float
    """Images a month that one of it can do."""


def bill(work: Workload) -> dict[str, float]:
    """Dollars a month for each part of the deployment."""
    kept = BUCKET_WRITE + 2 * BUCKET_READ + work.photo_bytes * BUCKET_BYTE_MONTH
    return {
        "gateway": _gateway(work),
        "function": work.images * (LAMBDA_REQUEST + gib_seconds(work.function_ms / 1000)),
        "cold starts": work.images * COLD_SHARE * gib_seconds(COLD_SECONDS),
        "authorizer": 0.0 if work.gateway == "url" else work.images * work.requests * AUTHORIZER,
        "metering": work.images * (2 * TABLE_WRITE + TABLE_READ),
        # A presigned upload, its two looks, and a month of keeping it.
        "storage": work.images * kept if work.presigned else 0.0,
        "logs": work.images * LOG_BYTES[work.gateway] * LOG_BYTE,
        "transfer": work.images * ANSWER_BYTES * EGRESS_BYTE,
    }


def container(work: Workload) -> Alternative:
    """One small container behind a load balancer, instead of gateway and functions."""
    replaced = ("gateway", "function", "cold starts", "authorizer")
    dollars = bill(work)
    saved = sum(dollars[part] for part in replaced) / work.images
    month = (CONTAINER_HOUR + BALANCER_HOUR) * MONTH_HOURS
    busy = MONTH_HOURS * 3600 * LOAD
    return Alternative("container", month / saved, busy * 1000 / work.compute_ms)


def gpu_endpoint(work: Workload) -> Alternative | None:
    """One GPU that encodes for the functions; None where no number of images pays for it."""
    saved_ms = work.encode_ms - ENDPOINT_MS
    if saved_ms <= 0:
        return None
    images = GPU_HOUR * MONTH_HOURS / gib_seconds(saved_ms / 1000)
    busy = MONTH_HOURS * 3600 * LOAD
    capacity = busy * 1000 / work.vnni_ms * GPU_FASTER
    return Alternative("GPU endpoint", images, capacity) if images < capacity else None


def _gateway(work: Workload) -> float:
    match work.gateway:
        case "rest":
            return tiered(work.images * work.requests, REST_REQUEST)
        case "http":
            units = max(1, math.ceil(work.body_bytes / HTTP_UNIT_BYTES))
            return tiered(work.images * work.requests * units, HTTP_REQUEST)
        case "url":
            return 0.0


def gib_seconds(seconds: float) -> float:
    """Dollars of a function that works so long."""
    return FUNCTION_GIB * seconds * LAMBDA_GIB_SECOND

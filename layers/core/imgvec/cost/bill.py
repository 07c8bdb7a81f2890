"""The bill of a workload, line by line, and where another host is cheaper."""

import math
from dataclasses import dataclass
from typing import Final

from imgvec.cost import prices
from imgvec.cost.prices import tiered
from imgvec.cost.workload import (
    ANSWER_BYTES,
    ENCODE_MS,
    ENDPOINT_MS,
    Gateway,
    Workload,
)

FUNCTION_GIB: Final = 1769 / 1024
"""One whole processor."""
AUTHORIZER_GIB: Final = 1.0
AUTHORIZER_MS: Final = 2.0
COLD_SHARE: Final = 0.002
COLD_SECONDS: Final = 1.5
LOG_BYTES: Final[dict[Gateway, int]] = {"rest": 920, "http": 920, "url": 785}
"""The usage line, and the access line where there is a gateway: 772 and 135 bytes for a consumer of
four letters, under the runtime emulator."""
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
class Line:
    """One line of a bill."""

    part: str
    dollars: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another host, and from how many images a month it is the cheaper one."""

    name: str
    images: float
    capacity: float
    """Images a month that one of it can do."""


def bill(work: Workload) -> list[Line]:
    """Dollars a month for each part of the deployment."""
    return [
        Line("gateway", _gateway(work)),
        Line("function", work.images * _function_dollars(work.function_ms)),
        Line("cold starts", work.images * COLD_SHARE * gib_seconds(COLD_SECONDS)),
        Line("authorizer", _authorizer(work)),
        Line("metering", work.images * (2 * prices.TABLE_WRITE + prices.TABLE_READ)),
        Line("storage", _storage(work)),
        Line("logs", work.images * LOG_BYTES[work.gateway] * prices.LOG_BYTE),
        Line("transfer", work.images * ANSWER_BYTES * prices.EGRESS_BYTE),
    ]


def container(work: Workload) -> Alternative:
    """One small container behind a load balancer, instead of gateway and functions."""
    replaced = ("gateway", "function", "cold starts", "authorizer")
    saved = sum(line.dollars for line in bill(work) if line.part in replaced) / work.images
    month = (prices.CONTAINER_HOUR + prices.BALANCER_HOUR) * prices.MONTH_HOURS
    busy = prices.MONTH_HOURS * 3600 * LOAD
    return Alternative("container", month / saved, busy * 1000 / work.compute_ms)


def gpu_endpoint(work: Workload) -> Alternative | None:
    """One GPU that encodes for the functions; None where no number of images pays for it."""
    saved_ms = work.encode_ms - ENDPOINT_MS
    if saved_ms <= 0:
        return None
    images = prices.GPU_HOUR * prices.MONTH_HOURS / gib_seconds(saved_ms / 1000)
    busy = prices.MONTH_HOURS * 3600 * LOAD
    capacity = busy * 1000 / ENCODE_MS[work.encoder] * GPU_FASTER
    return Alternative("GPU endpoint", images, capacity) if images < capacity else None


def _gateway(work: Workload) -> float:
    match work.gateway:
        case "rest":
            return tiered(work.images * work.requests, prices.REST_REQUEST)
        case "http":
            units = max(1, math.ceil(work.body_bytes / prices.HTTP_UNIT_BYTES))
            return tiered(work.images * work.requests * units, prices.HTTP_REQUEST)
        case "url":
            return 0.0


def _authorizer(work: Workload) -> float:
    if work.gateway == "url":
        return 0.0
    seconds = AUTHORIZER_MS / 1000
    each = prices.LAMBDA_REQUEST + AUTHORIZER_GIB * seconds * prices.LAMBDA_GIB_SECOND
    return work.images * work.requests * each


def _storage(work: Workload) -> float:
    """A presigned upload, its two looks, and a month of keeping it."""
    if not work.presigned:
        return 0.0
    kept = work.photo_bytes * prices.BUCKET_BYTE_MONTH
    return work.images * (prices.BUCKET_WRITE + 2 * prices.BUCKET_READ + kept)


def _function_dollars(milliseconds: float) -> float:
    return prices.LAMBDA_REQUEST + gib_seconds(milliseconds / 1000)


def gib_seconds(seconds: float) -> float:
    """Dollars of a function that works so long."""
    return FUNCTION_GIB * seconds * prices.LAMBDA_GIB_SECOND

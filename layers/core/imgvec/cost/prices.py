"""List prices of AWS in us-east-1, x86, in dollars, without free tiers; read in November 2026."""

from typing import Final, TypeAlias

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

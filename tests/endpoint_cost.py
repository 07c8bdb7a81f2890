"""Lambda against an endpoint, in dollars: list prices of us-east-1, on demand."""

from dataclasses import dataclass
from typing import Final

HOURS: Final = 730.0
"""Of a month."""
LAMBDA_GB_SECOND: Final = 0.0000166667
LAMBDA_GB: Final = 1.7275
"""1,769 MB: one processor."""
INSTANCES: Final = {"ml.g5.xlarge": 1.408, "ml.g4dn.xlarge": 0.736, "ml.g6.xlarge": 1.1267}
"""Dollars an hour of a SageMaker endpoint."""
USED: Final = 0.5
"""Share of its throughput that an instance should be asked for; the rest is for bursts."""


@dataclass(frozen=True)
class Crossing:
    """Where one instance that is always there costs what the inferences on Lambda would."""

    lambda_million: float
    """Dollars a million encodes on Lambda."""
    endpoint_million: float
    """Dollars a million encodes at the endpoint, used as far as it should be."""
    images: float
    """A month; infinite where the endpoint is dearer however many there are."""


def lambda_million(seconds: float) -> float:
    """Dollars for a million encodes that take so many seconds of one processor."""
    return seconds * LAMBDA_GB * LAMBDA_GB_SECOND * 1e6


def crossing(cpu_seconds: float, images_a_second: float, instance: str) -> Crossing:
    """Compare an encode's `cpu_seconds` on Lambda with an instance of this throughput."""
    hourly = INSTANCES[instance]
    on_lambda = lambda_million(cpu_seconds)
    there = hourly / (images_a_second * USED * 3600) * 1e6
    images = HOURS * hourly / on_lambda * 1e6
    holds = images_a_second * USED * 3600 * HOURS
    # Beyond one instance's throughput each further one must pay for itself too.
    return Crossing(on_lambda, there, images if images <= holds else float("inf"))

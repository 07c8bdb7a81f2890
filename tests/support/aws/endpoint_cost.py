"""Lambda against an endpoint of a measured throughput, in dollars: list prices of us-east-1."""

from dataclasses import dataclass
from typing import Final

from imgvec_benchmarks.cost import (
    FUNCTION_GIB,
    GPU_HOUR,
    LAMBDA_GIB_SECOND,
    LOAD,
    MILLION,
    MONTH_HOURS,
)

INSTANCES: Final = {"ml.g4dn.xlarge": GPU_HOUR, "ml.g5.xlarge": 1.408}
"""Dollars an hour of a SageMaker endpoint."""


@dataclass(frozen=True)
class Crossing:
    """Where one instance that is always there costs what the inferences on Lambda would."""

    lambda_million: float
    """Dollars a million encodes on Lambda."""
    endpoint_million: float
    """Dollars a million encodes at the endpoint, used as far as it should be."""
    images: float
    """A month; infinite where the endpoint is dearer however many there are."""


def crossing(cpu_seconds: float, images_a_second: float, instance: str) -> Crossing:
    """Compare an encode's `cpu_seconds` on Lambda with an instance of this throughput.

    Only the encoding: `imgvec cost` has the whole bill, and the function's wait for an endpoint.
    """
    hourly = INSTANCES[instance]
    on_lambda = cpu_seconds * FUNCTION_GIB * LAMBDA_GIB_SECOND * MILLION
    an_hour = images_a_second * LOAD * 3600
    images = MONTH_HOURS * hourly / on_lambda * MILLION
    # Beyond one instance's throughput each further one must pay for itself too.
    held = images <= an_hour * MONTH_HOURS
    return Crossing(on_lambda, hourly / an_hour * MILLION, images if held else float("inf"))

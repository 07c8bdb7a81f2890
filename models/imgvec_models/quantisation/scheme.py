"""The choices of a quantisation."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Scheme:
    """How weights and activations become integers."""

    weights: Literal["pairs", "plain"] = "pairs"
    """`pairs`: int8 under the pair bound; `plain`: int8 of full range, which saturates on CPUs with
    AVX2 and no VNNI."""
    activations: Literal["static", "dynamic"] = "static"
    """`static`: ranges from calibration; `dynamic`: each tensor's own, so that a vector depends
    on padding and on its batch-mates."""


SCHEMES: dict[str, Scheme] = {
    "pairs-static": Scheme(),
    "pairs-dynamic": Scheme(activations="dynamic"),
    "plain-static": Scheme(weights="plain"),
}
STATIC = "pairs-static"
"""The one that gives the same integers on every x86; docs/explanation/quantisation.md compares
more."""
FLOAT16_WEIGHTS = "float16-weights"
"""Not quantised: weights are kept in half the bytes, and computed with as float32."""
HALF = "float16"
"""Not quantised, and computed with in half precision, for a GPU."""
AUTO = DEFAULT = "auto"
"""The first of `TRIED` that is near enough to float32 on the calibration's inputs."""
TRIED = (STATIC, "pairs-dynamic", FLOAT16_WEIGHTS)
NAMES = (AUTO, *SCHEMES, FLOAT16_WEIGHTS, HALF)

"""What a quantisation can choose."""

from dataclasses import dataclass
from typing import Literal

Weights = Literal["pairs", "seven", "unsigned", "plain"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """How weights and activations become integers; docs/quantisation.md compares them."""

    weights: Weights = "pairs"
    """`pairs`: int8 under the pair bound; `seven`: int8 of -64..64; `unsigned`: uint8 around 128;
    `plain`: int8 of full range, which saturates on CPUs with AVX2 and no VNNI."""
    activations: Literal["static", "dynamic"] = "static"
    """`static`: ranges from calibration; `dynamic`: each tensor's own, so that a vector depends
    on padding and on its batch-mates."""
    signed: bool = False
    """Whether activations are int8 and not uint8; static only."""
    gptq: bool = True
    """Whether rounding errors are moved into weights that are not yet rounded; otherwise each
    weight goes to its nearest integer."""


SCHEMES: dict[str, Scheme] = {
    "pairs-static": Scheme(),
    "pairs-dynamic": Scheme(activations="dynamic"),
    "pairs-nearest": Scheme(gptq=False),
    "seven-static": Scheme(weights="seven", gptq=False),
    "seven-gptq": Scheme(weights="seven"),
    "u8u8-static": Scheme(weights="unsigned", gptq=False),
    "u8u8-dynamic": Scheme(weights="unsigned", activations="dynamic", gptq=False),
    "s8s8-static": Scheme(weights="plain", signed=True, gptq=False),
    "u8s8-static": Scheme(weights="plain", gptq=False),
    "u8s8-dynamic": Scheme(weights="plain", activations="dynamic", gptq=False),
}
"""The schemes that were compared, by name."""
DEFAULT = "pairs-static"
"""The best of them that gives the same integers on every x86."""

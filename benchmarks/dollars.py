"""What a million images cost at list prices, with the times of this run beside those assumed."""

from dataclasses import dataclass
from typing import Final, get_args

from benchmarks.material import CLIP, LIMITS, Material
from benchmarks.timing import Pace, in_turns
from imgvec.cost import LAMBDA_SLOWER, MILLION, Gateway, Workload, bill
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.images.decode import decode

ROUNDS: Final = 25
MEGAPIXELS: Final = 2


@dataclass(frozen=True, slots=True)
class Measured(Workload):
    """A workload whose images were decoded and encoded on a clock."""

    milliseconds: float = 0.0

    @property
    def compute_ms(self) -> float:
        """Time that a function decodes and encodes."""
        return self.milliseconds * LAMBDA_SLOWER


def section(material: Material, pace: Pace) -> str:
    """A line for each front door."""
    rounds = pace.rounds(ROUNDS)
    photo = material.photos[str(MEGAPIXELS), "JPEG"].read_bytes()
    encoder = OnnxEncoder(material.models / CLIP)

    def embed() -> None:
        encoder.encode_image(decode(photo, encoder.image_size, LIMITS), 512)

    here = in_turns({"": embed}, rounds)[""]
    assumed = Workload(MILLION, MEGAPIXELS)
    lines = [
        "## Dollars a million",
        "",
        f"List prices, uploads of {MEGAPIXELS} megapixels, `{CLIP}`, egress, logs and authorizer "
        f"included: [cost.md](cost.md) has the lines. For decoding and encoding `imgvec cost` "
        f"assumes {assumed.compute_ms / LAMBDA_SLOWER:.1f} ms on a processor without VNNI, and "
        f"{Workload(MILLION, MEGAPIXELS, processor='vnni').compute_ms / LAMBDA_SLOWER:.1f} ms on "
        f"one with it; here it took {here} ms. Lambda's processors are taken to be "
        f"{LAMBDA_SLOWER} times as slow as either.",
        "",
        "| front door | as `imgvec cost` | with VNNI | with this run's time |",
        "|---|---|---|---|",
    ]
    for gateway in get_args(Gateway):
        ways = (
            Workload(MILLION, MEGAPIXELS, gateway=gateway),
            Workload(MILLION, MEGAPIXELS, gateway=gateway, processor="vnni"),
            Measured(MILLION, MEGAPIXELS, gateway=gateway, milliseconds=here.median),
        )
        sums = (f"{sum(line.dollars for line in bill(way)):.2f}" for way in ways)
        lines.append(f"| `{gateway}` | {' | '.join(sums)} |")
    return "\n".join([*lines, ""])

"""What other processors would take: worked out from their instructions, not measured."""

from dataclasses import dataclass
from typing import Final

from benchmarks.products import tower_macs
from imgvec.cost import AVX2_SLOWER
from tests.support.models.shapes.sizes import Clip

GIGAHERTZ: Final = 3.0


@dataclass(frozen=True, slots=True)
class Processor:
    """A kind of core."""

    name: str
    how: str
    least: int
    """Products of 8 bits that a cycle makes, on the narrowest of the kind."""
    most: int


PROCESSORS: Final = (
    Processor("x86 with AVX2", "three for 32, two or three at once", 21, 32),
    Processor("x86 with AVX-VNNI or AVX512-VNNI", "one for 32 or 64, one or two at once", 64, 128),
    Processor("x86 with AMX", "one for 16,384, in 16 cycles", 1024, 1024),
    Processor("Arm with dot products", "one for 16, two or four at once", 32, 64),
)


def table(clip: Clip) -> list[str]:
    """The least that the image tower could take on each."""
    whole = tower_macs(clip)
    lines = [
        "### Other processors (estimated from their instructions, not measured)",
        "",
        f"The least that {whole / 1e9:.2f} GMAC can take on one core at {GIGAHERTZ:.0f} GHz, all "
        "of it products of 8 bits; what a graph takes beyond its limit stands at the top.",
        "",
        "| processor | instructions | products a cycle | ms at least |",
        "|---|---|---|---|",
    ]
    for one in PROCESSORS:
        fast, slow = (whole / (products * GIGAHERTZ * 1e6) for products in (one.most, one.least))
        products, ms = _range(one.least, one.most), _range(round(fast, 1), round(slow, 1))
        lines.append(f"| {one.name} | {one.how} | {products} | {ms} |")
    return [
        *lines,
        "",
        f"`imgvec cost` takes a processor without VNNI to be {AVX2_SLOWER} times as slow as one "
        "with it: at the top is what it took here, VNNI hidden. Its vectors are the same "
        "([quantisation.md](quantisation.md)).",
        "",
    ]


def _range(least: float, most: float) -> str:
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"

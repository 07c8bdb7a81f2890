"""The image tower alone, on one thread: float32, int8 as served, and the arithmetic's limits."""

from collections.abc import Mapping
from typing import Final

from imgvec_benchmarks import masked
from imgvec_benchmarks.figures import SIDE, Figures, alike
from imgvec_benchmarks.machine import uses_tiles
from imgvec_benchmarks.material import Material
from imgvec_benchmarks.products import tower_macs, tower_products
from imgvec_benchmarks.shapes.sizes import Clip
from imgvec_benchmarks.timing import Pace

ROUNDS: Final = 40


def section(material: Material, pace: Pace) -> str:
    """Milliseconds of one image, and how far from the limits they are."""
    rounds, clip = pace.rounds(ROUNDS), material.clip
    found = masked.measured(material, rounds)
    here = found[masked.ALL]
    timed, limit = here.timed, here.limit(clip)
    return "\n".join(
        [
            "## The encoder",
            "",
            "CLIP B/32's image tower, one thread, one image, ms: median (quartiles) of "
            f"{rounds} runs in turns.",
            "",
            "| graph | ms | of float32 |",
            "|---|---|---|",
            f"| ONNX Runtime, float32 | {timed['float32']} | 1 |",
            f"| int8, as served | {timed['int8']} | {here.faster():.2f} times faster |",
            f"| its {len(tower_products(clip))} integer products, bare | {timed['own']} | |",
            f"| `starter`, as served | {timed['starter']} | |",
            "",
            f"A product of {SIDE}-cubed int8 matrices reaches {here.rate() / 1e6:.0f} GMAC/s on "
            f"this core, with{'' if uses_tiles() else 'out'} AMX, so "
            f"{tower_macs(clip) / 1e9:.2f} GMAC take {limit:.1f} ms at least: the served graph "
            f"takes **{here.of_limit(clip):.2f} times** that limit. The tower's own matrices have "
            f"{1 + clip.patches} rows, of which the same kernel makes "
            f"{here.own_rate(clip) / 1e6:.0f} GMAC/s: the served graph takes "
            f"**{here.of_own():.2f} times** its bare products.",
            "",
            *_hidden(found, clip),
        ]
    )


def _hidden(found: Mapping[str, Figures], clip: Clip) -> list[str]:
    lines = ["### With the kernels of older processors", ""]
    if len(found) == 1:
        return [
            *lines,
            "Not measured here: it takes a processor with VNNI, Linux that traps CPUID "
            "(`cpuid_fault`), and a C compiler.",
            "",
        ]
    lines += [
        "The same processor with some of its instruction sets hidden from the process, so that "
        "ONNX Runtime takes the kernels of those that lack them; nothing is emulated. One "
        "process for each, in turns.",
        "",
        "| instruction sets | float32, ms | int8, ms | of float32 | GMAC/s | of the limit "
        "| of its bare products | `starter`, ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        lines.append(
            f"| {name} | {one.timed['float32']} | {one.timed['int8']} | {one.faster():.2f} "
            f"| {one.rate() / 1e6:.0f} | **{one.of_limit(clip):.2f}** | {one.of_own():.2f} "
            f"| {one.timed['starter']} |"
        )
    lines.append("")
    (_, here), *older = found.items()
    for name, one in older:
        lines.append(f"Of the same bits as with all, with {name}: {alike(here.bits, one.bits)}.")
    return [*lines, ""]

"""`python -m imgvec_benchmarks [PART ...]`: measure, print, and write the page if all ran."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from imgvec_benchmarks import clients, cold, encoder, machine, peers, served, stages
from imgvec_benchmarks.material import Material, prepare
from imgvec_benchmarks.timing import Pace

PAGE: Final = Path("docs/explanation/performance.md")
PARTS: Final[dict[str, Callable[[Material, Pace], str]]] = {
    "encoder": encoder.section,
    "peers": peers.section,
    "stages": stages.section,
    "served": served.section,
    "cold": cold.section,
    "clients": clients.section,
}


def main(asked: list[str]) -> None:
    """Run the parts that were asked for, or all."""
    unknown = set(asked) - set(PARTS)
    if unknown:
        raise SystemExit(f"There is no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    begun = time.time()
    page = measured(prepare(), Pace(), asked or list(PARTS))
    if not asked:
        PAGE.write_text(page)
        print(f"{PAGE} is written, after {(time.time() - begun) / 60:.0f} minutes.")


def measured(material: Material, pace: Pace, parts: Sequence[str]) -> str:
    """The page with these parts; each is printed once it is there."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    head = (
        "<!-- Made by `make bench`; run it again instead of editing. -->\n# Performance\n\n"
        "This page has the speed of imgvec, beside fastembed, infinity and transformers.\n\n"
        f"{machine.described()}. Load average at the start: {os.getloadavg()[0]:.1f}. One run of "
        f"`make bench`, {today}.\n"
    )
    print(head, flush=True)
    sections = [head]
    for name in parts:
        sections.append(PARTS[name](material, pace))
        print(sections[-1], flush=True)
    return "\n".join(sections)


if __name__ == "__main__":
    main(sys.argv[1:])

"""What the imports of a cold start are made of."""

import re
import subprocess
import sys
from collections import Counter
from typing import Final

from benchmarks.timing import Pace

ROUNDS: Final = 5
SHOWN: Final = 6
LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w]+)")


def table(pace: Pace) -> tuple[list[str], str]:
    """Self time of a start's imports by package, and the sentence's part: the largest two."""
    rounds = pace.rounds(ROUNDS, least=1)
    spent = Counter[str]()
    for _ in range(rounds):
        spent.update(_once())
    whole = sum(spent.values())
    lines = [
        f"`import imgvec.coldstart, imgvec.app`, mean of {rounds} under `-X importtime`:",
        "",
        "| package | ms | share |",
        "|---|---|---|",
    ]
    for name, took in [*spent.most_common(SHOWN), ("all", whole)]:
        lines.append(f"| {name} | {took / rounds / 1000:.0f} | {took / whole:.0%} |")
    first, second = (f"{name} ({took / whole:.0%})" for name, took in spent.most_common(2))
    return [*lines, ""], f"{first} and {second}"


def _once() -> Counter[str]:
    """Microseconds by the first part of each module's name; the standard library is one."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import imgvec.coldstart, imgvec.app"],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    spent = Counter[str]()
    for took, name in LINE.findall(done.stderr):
        spent["Python's own" if name in sys.stdlib_module_names else name] += int(took)
    return spent

"""The encoder as on older processors: their kernels, measured here, with the rest hidden.

`python -m benchmarks.masked ROUNDS` is such a process: it takes a pickled `Material` on standard
input, and prints the milliseconds of each run.
"""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figures, measure
from benchmarks.machine import flags
from benchmarks.material import Material
from benchmarks.timing import Timed

SOURCE: Final = Path(__file__).with_name("masked.c")
MASK: Final = "IMGVEC_BENCH_MASK"
PASSES: Final = 2
"""Each is measured so many times, in turns."""
KINDS: Final = {"avx512": "AVX-512 with VNNI", "avx2": "AVX2"}


def measured(material: Material, rounds: int) -> dict[str, Figures]:
    """Figures by name of the instruction sets; empty where nothing can be hidden.

    It takes an x86 processor with VNNI, Linux that traps CPUID, and a C compiler.
    """
    with hiding() as library:
        if library is None:
            return {}
        each = max(2, rounds // PASSES)
        passes = [
            {mask: _behind(library, mask, material, each) for mask in _kinds()}
            for _ in range(PASSES)
        ]
    return {KINDS[mask]: Figures.joined([one[mask] for one in passes]) for mask in passes[0]}


def _kinds() -> list[str]:
    """What is worth hiding on this processor: something it has."""
    present = flags()
    tiles = ["avx512"] if {"amx_int8", "avx512_vnni"} <= present else []
    return [*tiles, *(["avx2"] if {"avx_vnni", "avx512_vnni"} & present else [])]


@contextmanager
def hiding() -> Iterator[Path | None]:
    """The library that hides, compiled, and tried."""
    with TemporaryDirectory() as folder:
        library = Path(folder, "masked.so")
        build = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
        try:
            subprocess.run(build, check=True, capture_output=True)
            subprocess.run(["true"], check=True, env=environment(library, "avx2"))
        except (OSError, subprocess.CalledProcessError):
            yield None
        else:
            yield library


def _behind(library: Path, mask: str, material: Material, rounds: int) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(rounds)],
        input=pickle.dumps(material),
        env=environment(library, mask),
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)
    runs = {name: Timed(tuple(taken)) for name, taken in found["runs"].items()}
    return Figures(runs, found["bits"])


def environment(library: Path, mask: str) -> dict[str, str]:
    """This process's, its modules, and what hides."""
    path = os.pathsep.join(sys.path)
    return {**os.environ, "PYTHONPATH": path, "LD_PRELOAD": str(library), MASK: mask}


def main(rounds: str) -> None:
    """Measure in this process, whatever it can see."""
    # The parent made it.
    material: Material = pickle.load(sys.stdin.buffer)
    found = measure(material, int(rounds))
    runs = {name: one.runs for name, one in found.timed.items()}
    print(json.dumps({"runs": runs, "bits": found.bits}))


if __name__ == "__main__":
    main(sys.argv[1])

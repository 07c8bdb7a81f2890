"""The encoder as on older processors: their kernels, measured here, with the rest hidden.

`python -m imgvec_benchmarks.masked` is such a process. It takes a pickled `Material` on standard
input, and for each line `round` or `bits` prints milliseconds, or digests of vectors.
"""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from imgvec_benchmarks.figures import Bits, Figures, bits_of, work_of
from imgvec_benchmarks.machine import flags
from imgvec_benchmarks.material import Material
from imgvec_benchmarks.timing import Timed, clocked

SOURCE: Final = Path(__file__).with_name("masked.c")
MASK: Final = "IMGVEC_BENCH_MASK"
ALL: Final = "all"
KINDS: Final = {"avx512": "AVX-512 with VNNI", "avx2": "AVX2"}


class Kernels:
    """A process that measures with the instruction sets that it is shown, a round at a time."""

    def __init__(self, material: Material, shown: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=shown,
        )
        assert self.process.stdin is not None
        pickle.dump(material, self.process.stdin)

    def round(self) -> dict[str, float]:
        taken: dict[str, float] = json.loads(self._ask(b"round\n"))
        return taken

    def bits(self) -> Bits:
        bits: Bits = json.loads(self._ask(b"bits\n"))
        return bits

    def _ask(self, question: bytes) -> bytes:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(question)
        self.process.stdin.flush()
        return self.process.stdout.readline()


def measured(material: Material, rounds: int) -> dict[str, Figures]:
    """Figures by name of the instruction sets, in turns; `ALL` alone where nothing can be hidden.

    To hide takes an x86 processor with VNNI, Linux that traps CPUID, and a C compiler.
    """
    with ExitStack() as stack:
        library = stack.enter_context(hiding())
        shown = {ALL: dict(os.environ)}
        if library is not None:
            shown |= {KINDS[mask]: environment(library, mask) for mask in _kinds()}
        kernels = {name: Kernels(material, one) for name, one in shown.items()}
        for one in kernels.values():
            stack.enter_context(one.process)
        turns = [{name: one.round() for name, one in kernels.items()} for _ in range(rounds)]
        return {
            name: Figures(
                {work: Timed(tuple(turn[name][work] for turn in turns)) for work in turns[0][name]},
                one.bits(),
            )
            for name, one in kernels.items()
        }


def _kinds() -> list[str]:
    """Features of this processor that are worth hiding."""
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


def environment(library: Path, mask: str) -> dict[str, str]:
    """This process's, and what hides."""
    return {**os.environ, "LD_PRELOAD": str(library), MASK: mask}


def main() -> None:
    material: Material = pickle.load(sys.stdin.buffer)  # The parent made it.
    work = work_of(material)
    for do in work.values():
        do()
    for asked in sys.stdin.buffer:
        round = asked == b"round\n"
        answer = {name: clocked(do) for name, do in work.items()} if round else bits_of(material)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

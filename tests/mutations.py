"""Switches off each guard in turn, and shows that the tests notice.

    make mutations                 # all of guards.py
    make mutations ONLY=redirect   # those whose name has this word

Everything happens in a copy of the tree.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from guards import GUARDS, PACKAGE, Guard
from places import ROOT

TIMEOUT: Final = 300.0
"""Seconds for the tests of one guard; a hang is noticed too."""
WHOLE_TIMEOUT: Final = 1800.0
"""The same for all of them, one after the other."""
LEFT_OUT: Final = shutil.ignore_patterns(".git", ".venv", ".cache", ".*_cache", "__pycache__")
PASSED, FAILED = 0, 1
"""Exit codes of pytest; the others say that it did not come to the tests."""


@dataclass(frozen=True)
class Ran:
    """A run of some tests."""

    code: int | None
    """None where it hung."""
    last: str
    """The last line that pytest wrote."""


def tried(tree: Path, tests: Iterable[str], seconds: float = TIMEOUT) -> Ran:
    """Run tests of a tree on the package of the same tree, up to the first failure."""
    layers = [str(tree / "layers" / layer) for layer in ("core", "models")]
    paths = [*layers, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TEST_PLACES": "uvicorn"},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ran(None, "no end")
    lines = done.stdout.strip().splitlines()
    return Ran(done.returncode, lines[-1] if lines else done.stderr.strip()[-200:])


@contextmanager
def without(guard: Guard, tree: Path) -> Iterator[None]:
    """The tree without this guard.

    Raises:
        SystemExit: what is to be edited does not stand in the file once.
    """
    file = tree / PACKAGE / guard.file
    before = file.read_text()
    if before.count(guard.text) != 1:
        raise SystemExit(f"{guard.name}: the edit of {guard.file} is stale; mend tests/guards.py")
    file.write_text(before.replace(guard.text, guard.instead))
    try:
        yield
    finally:
        file.write_text(before)


def main(words: list[str]) -> int:
    """Print a line for each guard; 1 if the tests did not notice that one of them was off."""
    guards = [guard for guard in GUARDS if all(word in guard.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT, symlinks=True)
        tests = {test for guard in guards for test in guard.tests.split()}
        whole = tried(tree, sorted(tests), WHOLE_TIMEOUT)
        print(f"all guards on: {whole.last}", flush=True)
        if whole.code != PASSED:
            return 1
        unnoticed = 0
        for guard in guards:
            started = time.monotonic()
            with without(guard, tree):
                ran = tried(tree, guard.tests.split())
            noticed = ran.code in (FAILED, None)
            unnoticed += not noticed
            verdict = "noticed" if noticed else "NOT NOTICED"
            seconds = time.monotonic() - started
            print(f"{verdict:<12}{guard.name:<40}{seconds:6.1f} s  {ran.last}", flush=True)
    print(f"{len(guards)} guards, {unnoticed} not noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""From the start of a process to its first vector, by phase, with and without the page cache."""

import base64
import compileall
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import orjson

import imgvec
from imgvec.encoders.integrity import bake
from imgvec.encoders.registry import find_folders
from imgvec_benchmarks.machine import drop_page_cache
from imgvec_benchmarks.material import CLIP, STARTER, Material
from imgvec_benchmarks.server import create_key, environment_of
from imgvec_benchmarks.timing import Pace

ROUNDS: Final = 5
PROCESS: Final = Path(__file__).with_name("cold_process.py")
PHASES: Final = ("process", "imports", "load", "first vector")
COLUMNS: Final = (*PHASES, "wall", "cpu")

Start: TypeAlias = dict[str, float]
"""Milliseconds by column."""


def section(material: Material, pace: Pace) -> str:
    """Wall time of each phase, and the CPU's of all."""
    rounds = pace.rounds(ROUNDS, least=1)
    lines = [
        "## Cold start",
        "",
        "`imgvec.app` from nothing to one vector of a 0.3-megapixel JPEG, with encoder and "
        f"bytecode as a function's image has them; wall ms by phase, medians of {rounds} starts.",
        "",
        f"| encoder | page cache | {' | '.join(PHASES)} | all, wall | all, CPU |",
        "|---" * (len(PHASES) + 4) + "|",
    ]
    for name in (STARTER, CLIP):
        with TemporaryDirectory() as folder:
            start = _prepared(material, name, Path(folder))
            for kind, before in (("dropped", drop_page_cache), ("warm", lambda: True)):
                starts = [start() for _ in range(rounds) if before()]
                lines.append(f"| `{name}` | {kind} | {_medians(starts)} |")
    return "\n".join([*lines, ""])


def _medians(starts: list[Start]) -> str:
    if not starts:
        return " | ".join(["not allowed here", *[""] * (len(COLUMNS) - 1)])
    return " | ".join(f"{median(start[column] for start in starts):.0f}" for column in COLUMNS)


def _prepared(material: Material, name: str, folder: Path) -> Callable[[], Start]:
    """A key in a store and a request in a file, with the function that starts a process on them.

    Encoder and bytecode are as a function's image has them: verified and written by the build.
    """
    compileall.compile_dir(Path(imgvec.__file__).parent, quiet=1)
    models = folder / "models"
    shutil.copytree(find_folders(material.models)[name], models / name)
    bake(models / name)
    environment = environment_of(folder, models, name)
    photo = base64.b64encode(material.jpeg("0.3")).decode()
    request = folder / "request.json"
    request.write_text(json.dumps({"image": f"data:image/jpeg;base64,{photo}"}))
    key = create_key(environment)
    return partial(_start, [sys.executable, str(PROCESS), key, str(request)], environment)


def _start(command: list[str], environment: dict[str, str]) -> Start:
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    phases: Start = orjson.loads(done.stdout)
    return phases

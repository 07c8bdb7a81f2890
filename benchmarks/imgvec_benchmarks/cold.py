"""From the start of a process to its first vector, by phase, with and without the page cache."""

import base64
import compileall
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import orjson

import imgvec
from imgvec.encoders.bake import bake
from imgvec.encoders.registry import find_folders
from imgvec_benchmarks.machine import drop_page_cache
from imgvec_benchmarks.material import CLIP, STARTER, Material
from imgvec_benchmarks.server import create_key
from imgvec_benchmarks.timing import Pace, Timed, in_turns

ROUNDS: Final = 5
PROCESS: Final = Path(__file__).with_name("cold_process.py")
PHASES: Final = ("process", "imports", "load", "first vector")
YARDSTICKS: Final = ("fastapi", "onnxruntime")
CLOCK: Final = """
import time
begun = time.perf_counter()
import {}
print(1000 * (time.perf_counter() - begun))
"""
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
            for kind, before in (("dropped", drop_page_cache), ("warm", _nothing)):
                starts = [start() for _ in range(rounds) if before()]
                lines.append(f"| `{name}` | {kind} | {_medians(starts)} |")
    alone = in_turns({name: partial(_alone, name) for name in YARDSTICKS}, rounds)
    said = " and ".join(f"`import {name}` {took.median:.0f} ms" for name, took in alone.items())
    return "\n".join([*lines, "", f"To compare machines by: alone and warm, {said}.", ""])


def _alone(module: str) -> float:
    """Milliseconds of the import of one package in a process of its own."""
    command = [sys.executable, "-c", CLOCK.format(module)]
    return float(subprocess.run(command, capture_output=True, check=True).stdout)


def _nothing() -> bool:
    return True


def _medians(starts: list[Start]) -> str:
    if not starts:
        return " | ".join(["not allowed here", *[""] * (len(COLUMNS) - 1)])
    return " | ".join(
        f"{Timed(tuple(start[column] for start in starts)).median:.0f}" for column in COLUMNS
    )


def _prepared(material: Material, name: str, folder: Path) -> Callable[[], Start]:
    """A key in a store, a request in a file; gives what starts a process with them.

    The encoder is as a function's image has it, verified by the build, and so is the bytecode,
    which some environments keep Python from writing.
    """
    compileall.compile_dir(Path(imgvec.__file__).parent, quiet=1)
    models = folder / "models"
    shutil.copytree(find_folders(material.models)[name], models / name)
    bake(models / name)
    environment = {
        **os.environ,
        "IMGVEC_DATA": str(folder),
        "IMGVEC_MODELS": str(models),
        "IMGVEC_ENCODERS": name,
    }
    photo = base64.b64encode(material.photos["0.3", "JPEG"].read_bytes()).decode()
    request = folder / "request.json"
    request.write_text(json.dumps({"image": f"data:image/jpeg;base64,{photo}"}))
    key = create_key(environment)
    return partial(_start, [sys.executable, str(PROCESS), key, str(request)], environment)


def _start(command: list[str], environment: dict[str, str]) -> Start:
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    phases: Start = orjson.loads(done.stdout)
    return phases

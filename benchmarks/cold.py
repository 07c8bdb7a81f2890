"""From the start of a process to its first vector, by phase, with and without the page cache."""

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import orjson

from benchmarks.machine import drop_page_cache
from benchmarks.material import CLIP, STARTER, Material
from benchmarks.timing import Pace, Timed
from places import create_key

ROUNDS: Final = 5
PROCESS: Final = Path(__file__).with_name("cold_process.py")
PHASES: Final = ("process", "imports", "load", "first vector")


def section(material: Material, pace: Pace) -> str:
    """Wall time of each phase, and the CPU's of all."""
    rounds = pace.rounds(ROUNDS)
    lines = [
        "## Cold start",
        "",
        "`imgvec.app` from nothing to one vector of a 0.3-megapixel JPEG, wall ms by phase: "
        f"medians of {rounds} starts.",
        "",
        f"| encoder | page cache | {' | '.join(PHASES)} | all, wall | all, CPU |",
        "|---" * (len(PHASES) + 4) + "|",
    ]
    for name in (STARTER, CLIP):
        for dropped in (True, False):
            starts = [_start(material, name, dropped) for _ in range(rounds)]
            if None in starts:
                lines.append(f"| `{name}` | dropped | not allowed here |")
                continue
            medians = [
                f"{Timed(tuple(start[phase] for start in starts if start)).median:.0f}"
                for phase in (*PHASES, "wall", "cpu")
            ]
            kind = "dropped" if dropped else "warm"
            lines.append(f"| `{name}` | {kind} | {' | '.join(medians)} |")
    return "\n".join([*lines, ""])


def _start(material: Material, name: str, dropped: bool) -> dict[str, float] | None:
    photo = base64.b64encode(material.photos["0.3", "JPEG"].read_bytes()).decode()
    with tempfile.TemporaryDirectory() as data:
        environment = {
            **os.environ,
            "IMGVEC_DATA": data,
            "IMGVEC_MODELS": str(material.models),
            "IMGVEC_ENCODERS": name,
        }
        request = Path(data, "request.json")
        request.write_text(json.dumps({"image": f"data:image/jpeg;base64,{photo}"}))
        key, _ = create_key("bench", environment)
        if dropped and not drop_page_cache():
            return None
        done = subprocess.run(
            [sys.executable, PROCESS, key, request],
            env=environment,
            capture_output=True,
            check=True,
        )
    phases: dict[str, float] = orjson.loads(done.stdout)
    return phases

"""From a photo's bytes to a vector, beside what others do: one CLIP B/32 shape, one thread."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.images.decode import decode
from imgvec_benchmarks.material import CLIP, FORMATS, LIMITS, PREPROCESSOR, SIZES, Material
from imgvec_benchmarks.timing import Pace, Timed, in_turns

ROUNDS: Final = {"0.3": 15, "2": 9, "12": 7, "48": 3}  # by megapixels
WORKER: Final = Path(__file__).with_name("peer_worker.py")
LOG: Final = "stderr.txt"
QUIET: Final = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "INFINITY_ANONYMOUS_USAGE_STATS": "0",
}
"""One thread, and nobody is asked or told anything."""


def section(material: Material, pace: Pace) -> str:
    """Medians of each photo, ours and the peers' in turns, and the ratios to ours."""
    lines = [
        "## From bytes to a vector, beside others",
        "",
        "A CLIP of B/32's shape (random weights), one thread each, all in turns, ms: median",
        "(quartiles). fastembed runs the float32 ONNX file; transformers, and infinity's engine",
        "without its HTTP, run torch in float32; all decode the whole photo. In brackets: how many",
        "times longer than imgvec. Not here: immich's machine-learning service, which comes as a",
        "container image and is not on PyPI.",
        "",
    ]
    with _running(material) as (peers, failed):
        lines += [f"{name} did not start: `{why}`.\n" for name, why in failed.items()]
        lines += [f"| photo | imgvec | {' | '.join(peers)} |", "|---" * (len(peers) + 2) + "|"]
        ours = OnnxEncoder(material.models / CLIP)
        for format in FORMATS:
            for megapixels in SIZES:
                path = material.photos[megapixels, format]
                work = {"imgvec": partial(_embed, ours, path)} | {
                    name: partial(ask, path) for name, ask in peers.items()
                }
                timed = in_turns(work, pace.rounds(ROUNDS[megapixels]))
                lines.append(f"| {megapixels} MP {format} | {_cells(timed)} |")
    return "\n".join([*lines, ""])


def _cells(timed: dict[str, Timed]) -> str:
    own, *others = timed.values()
    return " | ".join([str(own), *(f"{one} [{one.median / own.median:.1f}]" for one in others)])


def _embed(encoder: OnnxEncoder, path: Path) -> None:
    encoder.encode_image(decode(path.read_bytes(), encoder.image_size, LIMITS), 512)


@contextmanager
def _running(
    material: Material,
) -> Iterator[tuple[dict[str, Callable[[Path], float]], dict[str, str]]]:
    """The peers whose environments are there, each in a process of its own; and what failed."""
    peers: dict[str, Callable[[Path], float]] = {}
    failed: dict[str, str] = {}
    there = {name: python for name, python in material.peers.items() if python.exists()}
    with ExitStack() as stack:
        for name, python in there.items():
            folder = Path(stack.enter_context(TemporaryDirectory(dir=material.source)))
            os.link(material.source / PREPROCESSOR, folder / "preprocessor_config.json")
            os.link(material.source / "image.onnx", folder / "model.onnx")
            process = _start(python, name, folder)
            stack.callback(process.communicate)
            if _line(process) == "ready":
                peers[name] = partial(_ask, process)
            else:
                failed[name] = (folder / LOG).read_text().strip().rpartition("\n")[2]
        yield peers, failed


def _start(python: Path, name: str, folder: Path) -> subprocess.Popen[str]:
    with (folder / LOG).open("w") as log:
        return subprocess.Popen(
            [python, WORKER, name, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | QUIET,
        )


def _ask(process: subprocess.Popen[str], path: Path) -> float:
    assert process.stdin is not None
    process.stdin.write(f"{path}\n")
    process.stdin.flush()
    return float(_line(process))


def _line(process: subprocess.Popen[str]) -> str:
    """Its next line; empty where it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()

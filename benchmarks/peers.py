"""From a photo's bytes to a vector, beside what others do: one CLIP B/32 shape, one thread."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.material import CACHE, CLIP, FORMATS, LIMITS, PREPROCESSOR, SIZES, Material
from benchmarks.timing import Timed, in_turns
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.images.decode import decode

ROUNDS: Final = {"0.3": 15, "2": 9, "12": 7, "48": 3}
"""By megapixels."""
WORKER: Final = Path(__file__).with_name("peer_worker.py")


def section(material: Material) -> str:
    """Medians of each photo, ours and the peers' in turns, and the ratios to ours."""
    lines = [
        "## From bytes to a vector, beside others",
        "",
        "A CLIP of B/32's shape (random weights), one thread each, all in turns, ms: median",
        "(quartiles). fastembed runs the float32 ONNX file, transformers torch in float32; both",
        "decode the whole photo. In brackets: how many times longer than imgvec.",
        "",
    ]
    with _running(material) as peers:
        lines += [f"| photo | imgvec | {' | '.join(peers)} |", "|---" * (len(peers) + 2) + "|"]
        ours = OnnxEncoder(material.models / CLIP)
        for format in FORMATS:
            for megapixels in SIZES:
                path = material.photos[megapixels, format]
                work = {"imgvec": partial(_embed, ours, path)} | {
                    name: partial(ask, path) for name, ask in peers.items()
                }
                timed = in_turns(work, ROUNDS[megapixels])
                lines.append(f"| {megapixels} MP {format} | {_cells(timed)} |")
    return "\n".join([*lines, ""])


def _cells(timed: dict[str, Timed]) -> str:
    own, *others = timed.values()
    return " | ".join([str(own), *(f"{one} [{one.median / own.median:.1f}]" for one in others)])


def _embed(encoder: OnnxEncoder, path: Path) -> None:
    encoder.encode_image(decode(path.read_bytes(), encoder.image_size, LIMITS), 512)


@contextmanager
def _running(material: Material) -> Iterator[dict[str, Callable[[Path], float]]]:
    """The peers whose environments are there, each in a process of its own."""
    folder = CACHE / "peer"
    folder.mkdir(exist_ok=True)
    for mine, theirs in ((PREPROCESSOR, "preprocessor_config.json"), ("image.onnx", "model.onnx")):
        (folder / theirs).unlink(missing_ok=True)
        os.link(material.source / mine, folder / theirs)
    pythons = sorted(Path(".cache/peers").glob("*/bin/python"))
    processes = {path.parts[-3]: _start(path, folder) for path in pythons}
    try:
        yield {name: partial(_ask, process) for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.communicate()


def _start(python: Path, folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [python, WORKER, python.parts[-3], folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    _line(process)
    return process


def _ask(process: subprocess.Popen[str], path: Path) -> float:
    assert process.stdin is not None
    process.stdin.write(f"{path}\n")
    process.stdin.flush()
    return float(_line(process))


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"the peer {process.args!r} ended")
    return line

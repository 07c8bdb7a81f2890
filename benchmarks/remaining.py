"""What is left: an encoding by kind of node, a decoding by step, and what would be next."""

import io
import json
from collections import Counter
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import onnxruntime
from PIL import Image

from benchmarks.material import CLIP, Material
from benchmarks.timing import in_turns

RUNS: Final = 30
TARGET: Final = 448
"""Twice CLIP's input: what a JPEG is decoded for."""

NEXT: Final = Path(__file__).with_name("remaining.md")


def section(material: Material) -> str:
    """Two tables and a sentence on each."""
    return "\n".join(
        [*_by_node(material.models / CLIP / "image.onnx"), *_by_step(material), NEXT.read_text()]
    )


def _by_node(path: Path) -> list[str]:
    spent, count = _profiled(path)
    total = sum(spent.values())
    lines = [
        "## The time that remains",
        "",
        f"CLIP B/32's image tower, one thread, mean of {RUNS} runs under ONNX Runtime's profiler.",
        "",
        "| kind of node | nodes | ms | share |",
        "|---|---|---|---|",
    ]
    for kind, ms in spent.most_common(6):
        lines.append(f"| {kind} | {count[kind]} | {ms:.2f} | {ms / total:.0%} |")
    rest = total - sum(ms for _, ms in spent.most_common(6))
    return [*lines, f"| all others | | {rest:.2f} | {rest / total:.0%} |", ""]


def _profiled(path: Path) -> tuple[Counter[str], Counter[str]]:
    """Milliseconds and number of nodes by kind."""
    image = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for _ in range(RUNS):
            session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: image})
        events = json.loads(Path(session.end_profiling()).read_text())
    spent, count = Counter[str](), Counter[str]()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            kind = event["args"]["op_name"]
            spent[kind] += event["dur"] / RUNS / 1000
            count[kind] += 1
    return spent, Counter({kind: number // RUNS for kind, number in count.items()})


def _by_step(material: Material) -> list[str]:
    """A large JPEG: what every scale costs, what ours does, and the resize."""
    data = material.photos["12", "JPEG"].read_bytes()
    reduced = _loaded(data, TARGET)
    timed = in_turns(
        {
            "decoded at an eighth, which is Huffman decoding and little else": partial(
                _loaded, data, 1
            ),
            "decoded at a quarter, as for CLIP": partial(_loaded, data, TARGET),
            "resized to 224": partial(reduced.resize, (299, 224), Image.Resampling.BICUBIC),
        },
        RUNS,
    )
    return [
        "A 12-megapixel JPEG:",
        "",
        "| step | ms |",
        "|---|---|",
        *(f"| {step} | {taken} |" for step, taken in timed.items()),
        "",
    ]


def _loaded(data: bytes, side: int) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.draft(None, (side, side))
    image.load()
    return image

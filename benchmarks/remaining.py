"""What is left: an encoding by kind of node, a decoding by step, imports by package."""

import json
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import onnxruntime
from PIL import features
from PIL.Image import Resampling

from benchmarks import elsewhere, imports
from benchmarks.figures import random_images, tower
from benchmarks.material import CLIP, Material
from benchmarks.pixels import loaded
from benchmarks.products import multiplier
from benchmarks.timing import Measured, Pace, Timed, in_turns

RUNS: Final = 30
SHOWN: Final = 6
BATCH: Final = 4
NEXT: Final = Path(__file__).with_name("remaining.md")


def section(material: Material, pace: Pace) -> str:
    """Tables, and a sentence on each."""
    runs = pace.rounds(RUNS)
    spent, count = _profiled(material.models / CLIP / "image.onnx", runs)
    packages, largest = imports.table(pace)
    steps = in_turns(_steps(material), runs)
    eighth, scaled, _ = (one.median for one in steps.values())
    together, fused = _tried(material, runs)
    ((kind, took),) = spent.most_common(1)
    said = NEXT.read_text().format(
        kind=f"`{kind}`",
        share=took / spent.total(),
        batch=BATCH,
        together=together,
        fused=fused,
        huffman=min(1.0, eighth / scaled),
        jpeg=f"libjpeg-turbo {features.version_feature('libjpeg_turbo')}",
        imports=largest,
    )
    tables = [*_by_node(spent, count, runs), *_by_step(steps), *packages]
    return "\n".join([*tables, said, *elsewhere.table(material.clip)])


def _by_node(spent: Counter[str], count: Counter[str], runs: int) -> list[str]:
    total = spent.total()
    lines = [
        "## The time that remains",
        "",
        f"CLIP B/32's image tower, one thread, mean of {runs} runs under ONNX Runtime's profiler.",
        "",
        "| kind of node | nodes | ms | share |",
        "|---|---|---|---|",
    ]
    for kind, ms in spent.most_common(SHOWN):
        lines.append(f"| {kind} | {count[kind]} | {ms:.2f} | {ms / total:.0%} |")
    rest = total - sum(ms for _, ms in spent.most_common(SHOWN))
    return [*lines, f"| all others | | {rest:.2f} | {rest / total:.0%} |", ""]


def _profiled(path: Path, runs: int) -> tuple[Counter[str], Counter[str]]:
    """Milliseconds and number of nodes by kind."""
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        images = random_images(session)
        for _ in range(runs):
            session.run([session.get_outputs()[0].name], images)
        events = json.loads(Path(session.end_profiling()).read_text())
    spent, count = Counter[str](), Counter[str]()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            kind = event["args"]["op_name"]
            spent[kind] += event["dur"] / runs / 1000
            count[kind] += 1
    return spent, Counter({kind: number // runs for kind, number in count.items()})


def _steps(material: Material) -> dict[str, Measured]:
    """A large JPEG: what every scale costs, what ours does, and the resize."""
    data, side = material.photos["12", "JPEG"].read_bytes(), material.clip.image_size
    reduced = loaded(data, 2 * side)
    size = (round(side * 4 / 3), side)
    return {
        "decoded at an eighth, which is Huffman decoding and little else": partial(loaded, data, 1),
        "decoded at the scale for CLIP": partial(loaded, data, 2 * side),
        f"resized to {side}": partial(reduced.resize, size, Resampling.BICUBIC),
    }


def _by_step(timed: Mapping[str, Timed]) -> list[str]:
    rows = [f"| {step} | {taken} |" for step, taken in timed.items()]
    return ["A 12-megapixel JPEG:", "", "| step | ms |", "|---|---|", *rows, ""]


def _tried(material: Material, runs: int) -> tuple[float, float]:
    """Time an image of a batch, and of one product in the place of three, as shares."""
    path, clip = material.models / CLIP / "image.onnx", material.clip
    rows, width = 1 + clip.patches, clip.image.width
    timed = in_turns(
        {
            "alone": tower(path),
            "together": tower(path, BATCH),
            "three": multiplier([(rows, width, width)] * 3 * clip.image.layers),
            "one": multiplier([(rows, width, 3 * width)] * clip.image.layers),
        },
        runs,
    )
    alone, together, three, one = (taken.median for taken in timed.values())
    return together / BATCH / alone, one / three

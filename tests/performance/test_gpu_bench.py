"""`make bench-gpu` runs without a GPU, writes every kind of figure, and keeps what it has."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.models.graph_operations import operations_of
from tests.support.models.thin_clip import THIN, build_thin
from tests.support.server.places import ROOT

FIGURES = (
    r"### (no GPU|NVIDIA.*): cpu \(short form\)",
    r"#### starter, int8: parity",
    r"\| images \| the CPU's \| (1.0000000|0.9999999) \| 8 of 8 \|",
    r"\| batches of 32 \| alone \| (1.0000000|0.9999999) \| 32 of 32 \|",
    r"\| texts \| the CPU's \| (1.0000000|0.9999999) \| 8 of 8 \|",
    r"1\.72 G operations of the graph .* of float32: [\d.]+ Tflop/s",
    r"\| 32 \| [\d.]+ \| [\d.]+ \| [\d.]+ \| [\d.]+% \|",
    r"An encode is taken to need 13\.5 ms",
    r"\| ml\.g5\.xlarge \| 1\.41 \| [\d.]+ \| [\d.]+ \| (never|from [\d,]+ million) \|",
    r"\| batches \| [\d.]+ \| [\d.]+ \|",
    r"\| one by one \| 10% \| p50 .* p99 +[\d.]+ ms \|",
    r"\| batches \| 75% \| p50",
    r"\| a JPEG of 12 megapixels \| 2\.\d+ \| [\d.]+ \| \d+ \|",
)


def bench(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "tests/performance/gpu.py", "--seconds", "0.2", *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT}/layers/core:{ROOT}/models:{ROOT}/benchmarks"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_short_form(tmp_path: Path) -> None:
    page = tmp_path / "gpu.md"
    command = "gpu.py --provider $(PROVIDER) --models $(MODELS) $(ENCODERS)"
    assert command in (ROOT / "Makefile").read_text()
    with bench("--provider", "cpu", "--models", "models", "--output", str(page), "starter") as run:
        printed, _ = run.communicate(timeout=300)
    assert run.returncode == 0, printed
    for figure in FIGURES:
        assert re.search(figure, page.read_text()), figure


def test_a_run_without_time_says_which_parts_are_missing(tmp_path: Path) -> None:
    page = tmp_path / "gpu.md"
    with bench("--minutes", "0", "--output", str(page)) as run:
        printed, _ = run.communicate(timeout=300)
    assert run.returncode == 0, printed
    cut = re.findall(r"Cut after 0 minutes: (.+) is missing", page.read_text())
    assert cut == ["parity of starter", "batches and price of starter", "load of starter"]


def test_a_provider_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with bench("--provider", "cuda", "--output", str(tmp_path / "gpu.md")) as run:
        printed, _ = run.communicate(timeout=300)
    assert run.returncode == 1
    assert printed.endswith("it takes onnxruntime-gpu, NVIDIA's driver and libraries\n")
    assert "Traceback" not in printed


def test_a_run_that_is_killed_keeps_its_rows(tmp_path: Path) -> None:
    page = tmp_path / "gpu.md"
    with bench("--output", str(page)) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if "| texts |" in line:
                break
        run.kill()
    assert "| texts | the CPU's |" in page.read_text()


def test_operations_of_a_graph_are_those_of_its_products(tmp_path: Path) -> None:
    """Its last block, here the only one, computes no more than the first position needs."""
    clip = THIN["clip-vit-b32"]
    build_thin("clip-vit-b32", tmp_path)
    width, positions = clip.image.width, 1 + clip.patches
    squares = clip.patches + 2 * positions + 4
    outputs = 2 * clip.joint + (1024 - width)
    attention = 2 * positions * width
    found = operations_of(tmp_path / "clip-vit-b32" / "image.onnx")
    assert found == 2 * (squares * width**2 + width * outputs + attention)

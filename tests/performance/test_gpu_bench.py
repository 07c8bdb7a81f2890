"""`make bench-gpu` runs where there is no GPU, and prints every kind of figure."""

import re
import subprocess
import sys

from tests.support.server.places import ROOT

FIGURES = (
    r"no GPU|NVIDIA",
    r"starter, int8, 260 pixels:",
    r"batch +32: +[\d.]+ images/s +[\d.]+ ms",
    r"32 clients, batches +: +[\d.]+ images/s, [\d.]+ ms of a core",
    r"[\d.]+ a second, one by one: p50 .* p99 +[\d.]+ ms",
    r"p99 in batches: [+-][\d.]+ ms; may wait 2 ms",
    r"at random, +75% of +[\d.]+ a second: p50",
    r"4 cores that decode feed at most \d+ images/s",
    r"ml\.g5\.xlarge at .* pays (never|from [\d,]+ million)",
)


def test_the_short_form() -> None:
    makefile = (ROOT / "Makefile").read_text()
    command = "gpu.py --provider $(PROVIDER) --models $(MODELS) $(ENCODERS)"
    assert command in makefile
    arguments = ["--provider", "cpu", "--models", "models", "--seconds", "0.2", "starter"]
    done = subprocess.run(
        [sys.executable, "tests/performance/gpu.py", *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": ".:tests"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for figure in FIGURES:
        assert re.search(figure, done.stdout), figure

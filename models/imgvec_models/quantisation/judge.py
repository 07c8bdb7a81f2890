"""Holding a quantised tower against the float32 one, on inputs that it was not calibrated on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from imgvec_models.graphs.run import Feed, cosines, rows, session
from imgvec_models.quantisation.avx2 import is_available, run_emulated
from imgvec_models.quantisation.check import check_pairs
from imgvec_models.quantisation.quantise import quantise
from imgvec_models.quantisation.scheme import SCHEMES

ROUNDS, RUNS = 5, 6
"""Times are taken in turns, so that a busy machine slows both; the least median is kept."""
NEIGHBOURS = 10
EMULATED = 2
"""Inputs that run on the emulated CPU too."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One scheme, on inputs that it was not calibrated on."""

    cosine: NDArray[np.float64]
    overlap: float
    """How many of each input's ten nearest stay among them."""
    milliseconds: float
    exact_milliseconds: float
    """Of the float32 tower, fused."""
    megabytes: float
    violations: int
    emulated: float | None
    """Least cosine to the emulated CPU; None without the emulator."""

    def __str__(self) -> str:
        """A row of the table in Markdown."""
        emulated = "not run" if self.emulated is None else f"{self.emulated:.6f}"
        return (
            f"{self.cosine.min():.4f} / {np.median(self.cosine):.4f} | {self.overlap:.3f} | "
            f"{self.milliseconds:.1f} ({self.milliseconds / self.exact_milliseconds:.2f}) | "
            f"{self.megabytes:.1f} | {self.violations} | {emulated}"
        )


def judge(
    tower: onnx.ModelProto,
    output: str,
    calibration: Sequence[Feed],
    inputs: Sequence[Feed],
    scheme: str,
) -> Judgement:
    """Quantise a copy of a fused float32 tower and hold it against the tower.

    A projection that ends the tower stays float32, as in a build.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(tower)
    model = quantise(copy, calibration, SCHEMES[scheme], in_float={output})
    exact, ours = session(tower), session(model)
    before, after = rows(exact, output, inputs), rows(ours, output, inputs)
    fast, slow = _milliseconds(ours, exact, output, inputs[0])
    with TemporaryDirectory() as folder:
        path = Path(folder, "tower.onnx")
        onnx.save(model, path)
        few = inputs[:EMULATED]
        there = run_emulated(path, output, few) if is_available() else None
    return Judgement(
        cosines(before, after),
        _overlap(before, after),
        fast,
        slow,
        model.ByteSize() / 1e6,
        check_pairs(model).violations,
        None if there is None else float(cosines(rows(ours, output, few), there).min()),
    )


def _overlap(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    def nearest(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        near = unit @ unit.T
        np.fill_diagonal(near, -np.inf)
        return np.argsort(-near, axis=1)[:, :NEIGHBOURS]

    pairs = zip(nearest(before).tolist(), nearest(after).tolist(), strict=True)
    return float(np.mean([len(set(one) & set(other)) / NEIGHBOURS for one, other in pairs]))


def _milliseconds(
    ours: onnxruntime.InferenceSession,
    exact: onnxruntime.InferenceSession,
    output: str,
    feed: Feed,
) -> tuple[float, float]:
    """Processor time of one run of each, in turns."""

    def median(opened: onnxruntime.InferenceSession) -> float:
        taken = []
        for _ in range(RUNS):
            start = time.process_time()
            opened.run([output], dict(feed))
            taken.append(time.process_time() - start)
        return float(np.median(taken)) * 1000

    turns = [(median(ours), median(exact)) for _ in range(ROUNDS)]
    return min(fast for fast, _ in turns), min(slow for _, slow in turns)

"""One graph run by itself; imports no more than an emulated CPU must load.

`python -m imgvec_models.quantisation.alone MODEL OUTPUT INPUTS OUTPUTS` reads `<feed>/<input>`
arrays from an npz file, and writes `rows` and the CPU's `features`.
"""

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Arrays: TypeAlias = Mapping[str, NDArray[np.generic]]
Rows: TypeAlias = NDArray[np.float32]


def run_alone(model: Path, output: str, feeds: Iterable[Arrays]) -> Rows:
    """One output for each feed, `[feeds, ...]`, optimised for this CPU as when it is served."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    opened = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    rows: Rows = np.concatenate([opened.run([output], dict(feed))[0] for feed in feeds])
    return rows


def _main(model: str, output: str, inputs: str, outputs: str) -> None:
    feeds: dict[str, dict[str, NDArray[np.generic]]] = {}
    with np.load(inputs) as stored:
        for key in stored.files:
            place, _, name = key.partition("/")
            feeds.setdefault(place, {})[name] = stored[key]
    rows = run_alone(Path(model), output, feeds.values())
    found = import_module("numpy._core._multiarray_umath").__cpu_features__
    features = [name for name, present in found.items() if present]
    np.savez(outputs, rows=rows, features=np.array(features))


if __name__ == "__main__":
    _main(*sys.argv[1:])

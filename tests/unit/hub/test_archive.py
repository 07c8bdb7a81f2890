"""TorchScript archives: the tensors are read, and nothing in them is run."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from imgvec.errors import ModelError
from imgvec_models.hub.archive import read_tensors
from tests.support.models.torch_archive import name_global, write_archive

TRACED = Path(__file__).parent / "golden" / "traced.pt"


def archive(pickled: bytes, **entries: bytes) -> io.BytesIO:
    """An archive around a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("clip/data.pkl", b"\x80\x02" + pickled)
        for name, data in entries.items():
            opened.writestr(f"clip/data/{name.removeprefix('key')}", data)
    return file


def test_what_pytorch_saved_is_read_without_it() -> None:
    """Saved by `torch.jit.save(torch.jit.trace(...))` of PyTorch 2.13."""
    with TRACED.open("rb") as stream:
        tensors = read_tensors(stream)
    expected = {
        "small": (np.arange(4) - 2).astype(np.float16) / np.float16(8),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "inner.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
        "inner.count": np.array(7),
    }
    assert set(tensors) == set(expected)
    for name, value in expected.items():
        assert tensors[name].dtype == value.dtype
        np.testing.assert_array_equal(tensors[name], value)


def test_the_tests_own_writer_is_read_too(tmp_path: Path) -> None:
    tensors = {
        "top": np.arange(3, dtype="<f4"),
        "inner.deep.half": np.arange(6, dtype="<f2").reshape(2, 3),
        "inner.scalar": np.array(5, "<i8"),
    }
    write_archive(tmp_path / "a.pt", tensors)
    with (tmp_path / "a.pt").open("rb") as stream:
        read = read_tensors(stream)
    assert set(read) == set(tensors)
    for name, value in tensors.items():
        assert (read[name].dtype, read[name].shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(read[name], value)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch", "FloatTensor"),
        ("torch.jit", "load"),
        ("torch._utils", "_rebuild_sparse_tensor"),
        ("numpy", "fromfile"),
        ("__torch__x", "Module"),
        ("pickle", "loads"),
    ],
)
def test_a_name_that_is_no_tensor_s_is_refused(module: str, name: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    call = name_global(module.encode(), name.encode())
    call += b"(X" + len(str(ran)).to_bytes(4, "little") + str(ran).encode() + b"tR."
    with pytest.raises(ModelError) as problem:
        read_tensors(archive(call))
    assert str(problem.value) == (
        f"The archive is refused: it names '{module}.{name}', which is no tensor"
    )
    assert not ran.exists()


class Shell:
    """Pickles to a call of the shell."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (self.command,)


def test_a_pickle_that_calls_the_shell_calls_nothing(tmp_path: Path) -> None:
    pickled = pickle.dumps({"weight": Shell(f"touch {tmp_path / 'ran'}")}, protocol=2)
    with pytest.raises(ModelError, match="refused"):
        read_tensors(archive(pickled[2:]))
    assert not (tmp_path / "ran").exists()


def tensor(shape: tuple[int, ...], strides: tuple[int, ...], offset: int, count: int) -> bytes:
    """A pickled module with one tensor over the eight floats of entry 0."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(number(value) for value in values) + b"t"

    def number(value: int) -> bytes:
        return b"J" + value.to_bytes(4, "little", signed=True)

    storage = b"(X\x07\0\0\0storage" + name_global(b"torch", b"FloatStorage")
    storage += b"X\x01\0\0\0" + b"0" + b"X\x03\0\0\0cpu" + number(count) + b"tQ"
    made = name_global(b"torch._utils", b"_rebuild_tensor_v2")
    made += b"(" + storage + number(offset) + numbers(shape) + numbers(strides) + b"\x89)tR"
    module = name_global(b"__torch__.a", b"M") + b")\x81}X\x01\0\0\0w"
    return module + made + b"sb."


EIGHT = np.arange(8, dtype="<f4").tobytes()


def test_a_tensor_is_a_window_on_its_storage() -> None:
    (value,) = read_tensors(archive(tensor((2, 2), (1, 3), 2, 8), key0=EIGHT)).values()
    np.testing.assert_array_equal(value, [[2, 5], [3, 6]])


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "count"),
    [
        ((9,), (1,), 0, 8),
        ((8,), (1,), 1, 8),
        ((2,), (8,), 0, 8),
        ((2,), (-1,), 1, 8),
        ((2,), (1,), -1, 8),
        ((-2,), (1,), 0, 8),
        ((1 << 30, 1 << 30), (0, 0), 0, 8),
        ((8,), (1,), 0, 9),
        ((2, 2), (1,), 0, 8),
    ],
)
def test_a_tensor_cannot_reach_out_of_its_storage(
    shape: tuple[int, ...], strides: tuple[int, ...], offset: int, count: int
) -> None:
    with pytest.raises(ModelError):
        read_tensors(archive(tensor(shape, strides, offset, count), key0=EIGHT))


@pytest.mark.parametrize(
    "stream",
    [
        io.BytesIO(b""),
        io.BytesIO(b"no zip file"),
        archive(b""),
        archive(b"N"),
        archive(tensor((8,), (1,), 0, 8)),
        archive(b"X\x01\0\0\0aQ."),
    ],
    ids=["empty", "no zip", "empty pickle", "cut pickle", "no values", "no storage"],
)
def test_what_is_no_archive_is_one_sentence(stream: io.BytesIO) -> None:
    with pytest.raises(ModelError, match=r"^The archive is "):
        read_tensors(stream)


def test_an_archive_of_two_trees_is_none() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("a/data.pkl", b"\x80\x02N.")
        opened.writestr("b/data.pkl", b"\x80\x02N.")
    with pytest.raises(ModelError):
        read_tensors(file)

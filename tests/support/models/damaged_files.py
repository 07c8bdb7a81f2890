"""Ways to damage a served file; each gives what its refusal says of it.

A file is put in the place of the old one, which may be a link to one that others use.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from imgvec.encoders.integrity import read_manifest, verify
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError

Damage: TypeAlias = Callable[[Path], str]


def flip_a_bit(path: Path) -> str:
    """One bit in the middle, so that the size is right."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    _put(path, bytes(data))
    return "altered (SHA-256 differs from the manifest)"


def truncate(path: Path) -> str:
    """Without the last byte."""
    data = path.read_bytes()
    _put(path, data[:-1])
    return f"altered ({len(data) - 1} bytes, the manifest says {len(data)})"


def grow(path: Path) -> str:
    """With a byte more."""
    data = path.read_bytes()
    _put(path, data + b"\0")
    return f"altered ({len(data) + 1} bytes, the manifest says {len(data)})"


def remove(path: Path) -> str:
    """Gone."""
    path.unlink()
    return "missing or unreadable"


def replace_by_folder(path: Path) -> str:
    """A folder of its name."""
    path.unlink()
    path.mkdir()
    return "missing or unreadable"


def assert_refused(path: Path, said: str) -> None:
    """A file of the starter, or of a copy, is refused with this and the fix, checked or loaded."""
    folder = path.parent
    with pytest.raises(ModelError) as verified:
        verify(read_manifest(folder), folder)
    with pytest.raises(ModelError) as loaded:
        OnnxEncoder(folder)
    sentence = f"{path} is {said}: restore it with `git checkout -- {path}` or reinstall imgvec"
    assert str(verified.value) == str(loaded.value) == sentence


def _put(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)

"""Files that are missing or altered stop the start, with a sentence that names file and fix."""

import hashlib
from pathlib import Path

import pytest

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.verify import read_manifest, read_verified, verify
from imgvec.errors import ModelError

SERVED = ["image.int8.onnx", "text.int8.onnx", "tokenizer.json"]


def flip_a_bit(path: Path) -> str:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)
    return "altered (SHA-256 differs from the manifest)"


def truncate(path: Path) -> str:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1])
    return f"altered ({len(data) - 1} bytes, the manifest says {len(data)})"


def grow(path: Path) -> str:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data + b"\0")
    return f"altered ({len(data) + 1} bytes, the manifest says {len(data)})"


def remove(path: Path) -> str:
    path.unlink()
    return "missing or unreadable"


def replace_by_folder(path: Path) -> str:
    path.unlink()
    path.mkdir()
    return "missing or unreadable"


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.parametrize("damage", [flip_a_bit, truncate, grow, remove, replace_by_folder])
def test_a_damaged_file_is_named_with_the_fix(copy: Path, name: str, damage: object) -> None:
    path = copy / name
    assert callable(damage)
    sentence = f"{path} is {damage(path)}: "
    sentence += f"restore it with `git checkout -- {path}` or reinstall imgvec"
    with pytest.raises(ModelError) as verified:
        verify(read_manifest(copy), copy)
    with pytest.raises(ModelError) as loaded:
        OnnxEncoder(copy)
    assert str(verified.value) == str(loaded.value) == sentence


def test_the_shipped_files_are_intact(starter: Path) -> None:
    verify(read_manifest(starter), starter)


def test_what_was_verified_is_what_is_given(starter: Path) -> None:
    file = read_manifest(starter).files.tokenizer
    assert hashlib.sha256(read_verified(starter, file)).hexdigest() == file.sha256

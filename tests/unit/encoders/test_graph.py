"""A graph that is what the manifest says it is, or is refused."""

import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from imgvec.encoders.graph import Graph
from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError

Rewrite = Callable[[Path, Callable[[dict[str, Any]], None]], None]


def replace(folder: Path, rewrite: Rewrite, role: str, data: bytes) -> Path:
    """Put other bytes in the place of a file, with a manifest that agrees."""

    def change(content: dict[str, Any]) -> None:
        content["files"][role]["size"] = len(data)
        content["files"][role]["sha256"] = hashlib.sha256(data).hexdigest()

    rewrite(folder, change)
    path = folder / str(read_manifest(folder).files.model_dump()[role]["path"])
    path.unlink()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data", [b"not a graph", b"\0" * 64, b"\x08\x0a"], ids=["text", "0", "end"]
)
def test_a_file_that_is_no_graph_is_named(copy: Path, rewrite: Rewrite, data: bytes) -> None:
    path = replace(copy, rewrite, "image", data)
    with pytest.raises(ModelError) as problem:
        OnnxEncoder(copy)
    assert str(problem.value) == (
        f"{path} cannot be run by onnxruntime {onnxruntime.__version__}: "
        "install a newer onnxruntime"
    )


def test_a_tokenizer_that_is_none_is_named(copy: Path, rewrite: Rewrite) -> None:
    path = replace(copy, rewrite, "tokenizer", b"{}")
    encoder = OnnxEncoder(copy)
    with pytest.raises(ModelError) as problem:
        encoder.encode_text("a cat", 512)
    assert str(problem.value) == (
        f"{path} cannot be read by tokenizers: install a newer tokenizers"
    )


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        pytest.param("image", "input", "pixels", id="input of another name"),
        pytest.param("outputs", "pooled", 1280, id="output that is not there"),
        pytest.param("outputs", "embedding", 1025, id="output of another width"),
    ],
)
def test_a_graph_unlike_its_manifest_stops_the_start(
    copy: Path, rewrite: Rewrite, part: str, key: str, value: object
) -> None:
    rewrite(copy, lambda content: content[part].update({key: value}))
    with pytest.raises(ModelError) as problem:
        OnnxEncoder(copy)
    assert str(problem.value) == (
        f"{copy / 'image.int8.onnx'} has other inputs or outputs than manifest.json says: "
        "correct manifest.json"
    )


def test_a_text_graph_unlike_its_manifest_is_named(copy: Path, rewrite: Rewrite) -> None:
    rewrite(copy, lambda content: content["text"].update(mask="token_type_ids"))
    encoder = OnnxEncoder(copy)
    with pytest.raises(ModelError, match=r"text\.int8\.onnx has other inputs or outputs than"):
        encoder.encode_text("a cat", 512)


def test_the_bytes_of_the_file_do_not_outlive_the_loading(
    starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime would keep them as long as the session: 27 MB more for the starter."""
    data = (starter / "image.int8.onnx").read_bytes()
    monkeypatch.setattr("imgvec.encoders.graph.verified_graph", lambda folder, file: data)
    before = sys.getrefcount(data)
    graph = Graph(starter, read_manifest(starter).files.image, threads=1)
    gc.collect()
    assert sys.getrefcount(data) == before
    graph.require(("pixel_values",), {"embedding": 1024})


def test_only_a_loaded_encoder_imports_its_runtime() -> None:
    """`imgvec keys` and the like must not pay for ONNX Runtime."""
    code = (
        "import sys, imgvec.encoders.registry; "
        "sys.exit(bool({'onnxruntime', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "code", ["import imgvec.encoders.graph, onnxruntime", "import imgvec_models.graphs.run"]
)
def test_onnx_runtime_reports_to_nobody(tmp_path: Path, code: str) -> None:
    """Where it would, it begins with a folder for its reports and an id of the machine."""
    kept = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in kept}
    environment["HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []

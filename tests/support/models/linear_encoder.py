"""Encoders of any dimensions whose graphs are linear.

The right vector can be computed from pixels and token ids.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

SIDE, DIMENSIONS, LENGTH = 6, 5, 4
WORDS = {"<pad>": 7, "<unk>": 1, "a": 2, "cat": 3, "dog": 4, "or": 5}
NOTHING: Final[Mapping[str, Any]] = {}
PADDED: Final[Mapping[str, Any]] = {
    "ids": "text",
    "pad_token": "<pad>",
    "max_tokens": LENGTH,
    "max_characters": 100,
}


def matrix(rows: int, columns: int = DIMENSIONS) -> NDArray[np.float32]:
    """The matrix of a graph, always the same."""
    return np.random.default_rng(rows).normal(size=(rows, columns)).astype(np.float32)


def linear_graph(
    path: Path, inputs: Sequence[str], kind: int, shape: Sequence[str | int], columns: int
) -> None:
    """Write a graph: the first input, flattened, times a matrix. It ignores a second one."""
    nodes = [
        helper.make_node("Cast", [inputs[0]], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["embedding"]),
    ]
    rows = int(np.prod([side for side in shape if isinstance(side, int)]))
    made = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info(name, kind, shape) for name in inputs],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", columns])],
        [numpy_helper.from_array(matrix(rows, columns), "matrix")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def word_tokenizer() -> Tokenizer:
    """One token for each word of `WORDS`."""
    tokenizer = Tokenizer(WordLevel(WORDS, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer


def linear_encoder(
    folder: Path,
    text: Mapping[str, Any] = PADDED,
    *,
    dimensions: int = DIMENSIONS,
    side: int = SIDE,
    kind: int = TensorProto.INT32,
    preprocessing: Mapping[str, str] = NOTHING,
    tokenizer: Tokenizer | None = None,
) -> Path:
    """Write an encoder; `text` is the manifest's entry, empty for an image-only encoder."""
    folder.mkdir(parents=True)
    linear_graph(folder / "i.onnx", ["image"], TensorProto.FLOAT, ["n", 3, side, side], dimensions)
    files = {"image": _entry(folder / "i.onnx")}
    if text:
        inputs = list(filter(None, (text["ids"], text.get("mask"))))
        linear_graph(folder / "t.onnx", inputs, kind, ["n", text["max_tokens"]], dimensions)
        (tokenizer or word_tokenizer()).save(str(folder / "tokenizer.json"))
        files |= {"text": _entry(folder / "t.onnx"), "tokenizer": _entry(folder / "tokenizer.json")}
    manifest = {
        "format": 1,
        "name": folder.name,
        "title": "A linear encoder",
        "licence": "CC0-1.0",
        "sources": [
            {
                "repository": "made here",
                "revision": "1",
                "licence": "CC0-1.0",
                "files": [_entry(folder / "i.onnx")],
            }
        ],
        "files": files,
        "preprocessing": {
            "version": 2,
            "size": side,
            "resize": "bicubic",
            "crop": "centre",
            "rescale_factor": 1,
            "image_mean": [0, 0, 0],
            "image_std": [1, 1, 1],
            **preprocessing,
        },
        "image": {"input": "image", "tokens": 1},
        "outputs": {"embedding": dimensions},
        "nested": False,
        "spaces": [{"dimensions": dimensions, "output": "embedding"}],
    }
    if text:
        manifest["text"] = dict(text)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def unit(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """A row at norm 1."""
    return row / np.linalg.norm(row)


def _entry(path: Path) -> dict[str, object]:
    data = path.read_bytes()
    return {"path": path.name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

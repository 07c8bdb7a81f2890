"""Encoders that are no CLIP: image-only, squashed, other filters, padded texts, other inputs.

Their graphs are linear, so that the right vector can be computed from pixels and token ids.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import BadParameter, ModelError
from imgvec.images.decode import ImageLimits, decode

SIDE, DIMENSIONS, LENGTH = 6, 5, 4
LIMITS = ImageLimits(10**7, 10**7, 10)
WORDS = {"<pad>": 7, "<unk>": 1, "a": 2, "cat": 3, "dog": 4, "or": 5}
NO_TEXT: Mapping[str, Any] = {}
SQUASHED = {"crop": "none"}
PADDED = {"ids": "text", "pad_token": "<pad>", "max_tokens": LENGTH, "max_characters": 100}


def weights(rows: int) -> NDArray[np.float32]:
    """A matrix `float32 [rows, DIMENSIONS]`, always the same."""
    return np.random.default_rng(rows).normal(size=(rows, DIMENSIONS)).astype(np.float32)


def graph(path: Path, name: str, kind: int, shape: list[str | int], rows: int) -> None:
    """Write a graph: the input, flattened, times a matrix."""
    nodes = [
        helper.make_node("Cast", [name], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["embedding"]),
    ]
    made = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info(name, kind, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIMENSIONS])],
        [numpy_helper.from_array(weights(rows), "matrix")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def entry(path: Path) -> dict[str, object]:
    """A file as a manifest names it."""
    data = path.read_bytes()
    return {"path": path.name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def encoder_folder(
    folder: Path,
    text: Mapping[str, Any],
    kind: int = TensorProto.INT32,
    preprocessing: Mapping[str, str] = NO_TEXT,
) -> Path:
    """Write an encoder; `text` is the manifest's entry, empty for an image-only encoder."""
    folder.mkdir()
    graph(folder / "i.onnx", "image", TensorProto.FLOAT, ["n", 3, SIDE, SIDE], 3 * SIDE * SIDE)
    files = {"image": entry(folder / "i.onnx")}
    if text:
        graph(folder / "t.onnx", text["ids"], kind, ["n", LENGTH], LENGTH)
        tokenizer = Tokenizer(WordLevel(WORDS, unk_token="<unk>"))
        tokenizer.pre_tokenizer = Whitespace()
        tokenizer.save(str(folder / "tokenizer.json"))
        files |= {"text": entry(folder / "t.onnx"), "tokenizer": entry(folder / "tokenizer.json")}
    manifest = {
        "format": 1,
        "name": folder.name,
        "title": "A linear encoder",
        "licence": "CC0-1.0",
        "sources": [
            {"repository": "made here", "revision": "1", "licence": "CC0-1.0", "files": [entry(p)]}
            for p in [folder / "i.onnx"]
        ],
        "files": files,
        "preprocessing": {
            "version": 2,
            "size": SIDE,
            "resize": "bicubic",
            "crop": "centre",
            "rescale_factor": 1,
            "image_mean": [0, 0, 0],
            "image_std": [1, 1, 1],
            **preprocessing,
        },
        "image": {"input": "image", "tokens": 1},
        "outputs": {"embedding": DIMENSIONS},
        "nested": False,
        "spaces": [{"dimensions": DIMENSIONS, "output": "embedding"}],
    }
    if text:
        manifest["text"] = dict(text)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def unit(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """A row at norm 1."""
    return row / np.linalg.norm(row)


def photo(width: int, height: int) -> Image.Image:
    """Noise, where every filter and crop gives other pixels."""
    values = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


def png(image: Image.Image) -> bytes:
    """An image as a file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("size", [(40, 17), (17, 40), (6, 6), (400, 3)])
@pytest.mark.parametrize(
    ("resize", "resample"),
    [("bicubic", Image.Resampling.BICUBIC), ("bilinear", Image.Resampling.BILINEAR)],
)
def test_a_squashed_picture_is_pillows_own_resize(
    tmp_path: Path, size: tuple[int, int], resize: str, resample: Image.Resampling
) -> None:
    folder = encoder_folder(
        tmp_path / "squash", NO_TEXT, preprocessing={"crop": "none", "resize": resize}
    )
    encoder = OnnxEncoder(folder)
    picture = photo(*size)
    pixels = decode(png(picture), encoder.image_size, LIMITS, encoder.geometry)
    expected = np.asarray(picture.resize((SIDE, SIDE), resample))
    assert np.array_equal(pixels, expected)
    row = expected.transpose(2, 0, 1).reshape(-1).astype(np.float32) @ weights(3 * SIDE * SIDE)
    assert np.allclose(encoder.encode_image(pixels, DIMENSIONS), unit(row), atol=1e-5)


def test_a_squashed_jpeg_at_reduced_scale_is_near_the_whole_one(tmp_path: Path) -> None:
    encoder = OnnxEncoder(encoder_folder(tmp_path / "squash", NO_TEXT, preprocessing=SQUASHED))
    smooth = photo(9, 5).resize((903, 517), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    smooth.save(file, "JPEG", quality=95)
    pixels = decode(file.getvalue(), SIDE, LIMITS, encoder.geometry)
    whole = smooth.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    assert np.abs(pixels.astype(int) - np.asarray(whole).astype(int)).max() <= 4


def test_a_bilinear_crop_is_pillows_own(tmp_path: Path) -> None:
    encoder = OnnxEncoder(
        encoder_folder(tmp_path / "crop", NO_TEXT, preprocessing={"resize": "bilinear"})
    )
    picture = photo(40, 20)
    expected = picture.resize((12, 6), Image.Resampling.BILINEAR).crop((3, 0, 9, 6))
    assert np.array_equal(
        decode(png(picture), SIDE, LIMITS, encoder.geometry), np.asarray(expected)
    )


def test_an_image_only_encoder_says_so_of_a_text(tmp_path: Path) -> None:
    folder = encoder_folder(tmp_path / "images-only", NO_TEXT)
    encoder = OnnxEncoder(folder)
    assert not encoder.embeds_text
    assert [file.path for file in read_manifest(folder).files.every] == ["i.onnx"]
    with pytest.raises(BadParameter, match="images-only embeds images only"):
        encoder.encode_text("a cat", DIMENSIONS)


@pytest.mark.parametrize("kind", [TensorProto.INT32, TensorProto.INT64])
@pytest.mark.parametrize(
    ("text", "ids", "tokens"),
    [
        ("a cat", [2, 3, 7, 7], 2),
        ("", [7, 7, 7, 7], 0),
        ("a cat or a dog", [2, 3, 5, 2], 4),
    ],
)
def test_a_text_is_padded_and_cut_to_the_graphs_length(
    tmp_path: Path, kind: int, text: str, ids: list[int], tokens: int
) -> None:
    encoder = OnnxEncoder(encoder_folder(tmp_path / "padded", PADDED, kind))
    vector, read = encoder.encode_text(text, DIMENSIONS)
    assert read == tokens
    assert np.allclose(vector, unit(np.array(ids, np.float32) @ weights(LENGTH)), atol=1e-5)


def test_a_pad_token_that_the_tokenizer_lacks_is_named(tmp_path: Path) -> None:
    folder = encoder_folder(tmp_path / "padded", {**PADDED, "pad_token": "<none>"})
    with pytest.raises(ModelError, match=r"has no token '<none>': correct pad_token in manifest"):
        OnnxEncoder(folder).encode_text("a", DIMENSIONS)


@pytest.mark.parametrize("change", [SQUASHED, {"resize": "bilinear"}], ids=["squash", "filter"])
def test_the_geometry_is_part_of_the_revision(tmp_path: Path, change: dict[str, str]) -> None:
    plain = encoder_folder(tmp_path / "plain", NO_TEXT)
    other = encoder_folder(tmp_path / "other", NO_TEXT, preprocessing=change)
    assert read_manifest(plain).revision != read_manifest(other).revision

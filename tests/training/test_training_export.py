from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tests.support.models.packed_table import unpack
from training import export
from training.export_head import add_head, add_layout
from training.export_image import SIZE, image_graph
from training.export_text import ATTENTION_HEADS, LAYERS, TEXT_WIDTH, TOKENS, text_graph
from training.graph import Graph
from training.heads import Heads, Standard, new_head
from training.layout import WIDTH, Layout
from training.table import pack

LAYOUT = Layout((155, 100), (0.3, 0.7), 2.0)
WORDS, INNER = 30, 64


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(model: bytes, **inputs: NDArray[np.float32] | NDArray[np.int64]) -> Tensor:
    (output,) = session(model).run(["embedding"], inputs)
    return torch.from_numpy(output)


def heads() -> Heads:
    torch.manual_seed(0)
    standard = Standard(torch.rand(1280), torch.rand(1280) + 0.5)
    return Heads(new_head(1280, 6, WIDTH), new_head(TEXT_WIDTH, 6, WIDTH), standard, LAYOUT)


@pytest.mark.parametrize("images", [True, False], ids=["images", "texts"])
def test_a_head_in_onnx_is_the_head_in_torch(images: bool) -> None:
    graph, head = Graph(), heads().text
    add_layout(graph, add_head(graph, "x", head), LAYOUT, images)
    model = graph.model("head", {"x": (1, ("n", TEXT_WIDTH))}, WIDTH)
    x = torch.randn(5, TEXT_WIDTH)
    expected = (LAYOUT.images if images else LAYOUT.texts)(head(x))
    torch.testing.assert_close(run(model.SerializeToString(), x=x.numpy()), expected)


@pytest.fixture(scope="module")
def bert() -> dict[str, Tensor]:
    """Random weights under BERT's names."""
    random = torch.Generator().manual_seed(0)

    def values(*shape: int, scale: float = 0.05) -> Tensor:
        return scale * torch.randn(*shape, generator=random)

    weights = {
        "embeddings.word_embeddings.weight": values(WORDS, TEXT_WIDTH, scale=1),
        "embeddings.position_embeddings.weight": values(512, TEXT_WIDTH),
        "embeddings.token_type_embeddings.weight": values(2, TEXT_WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        source = f"encoder.layer.{layer}"
        norms += [f"{source}.attention.output.LayerNorm", f"{source}.output.LayerNorm"]
        shapes = dict.fromkeys(("query", "key", "value"), (TEXT_WIDTH, TEXT_WIDTH))
        names = {f"attention.self.{name}": shape for name, shape in shapes.items()}
        names["attention.output.dense"] = (TEXT_WIDTH, TEXT_WIDTH)
        names["intermediate.dense"] = (INNER, TEXT_WIDTH)
        names["output.dense"] = (TEXT_WIDTH, INNER)
        for name, shape in names.items():
            weights[f"{source}.{name}.weight"] = values(*shape, scale=0.1)
            weights[f"{source}.{name}.bias"] = values(shape[0])
    for norm in norms:
        weights[f"{norm}.weight"] = 1 + values(TEXT_WIDTH)
        weights[f"{norm}.bias"] = values(TEXT_WIDTH)
    return weights


def bert_features(weights: dict[str, Tensor], kept: list[int], ids: Tensor) -> Tensor:
    """The mean of BERT's last layer over one text's tokens, by torch's own attention."""

    def linear(x: Tensor, name: str) -> Tensor:
        return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        gain, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.layer_norm(x, (TEXT_WIDTH,), gain, bias, 1e-12)

    def each(x: Tensor) -> Tensor:
        return x.view(len(ids), ATTENTION_HEADS, -1).transpose(0, 1)

    table = torch.from_numpy(
        unpack(pack(weights["embeddings.word_embeddings.weight"].numpy()[kept]))
    )
    place = weights["embeddings.position_embeddings.weight"][: len(ids)]
    kind = weights["embeddings.token_type_embeddings.weight"][0]
    x = norm(table[ids] + place + kind, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        source = f"encoder.layer.{layer}"
        query, key, value = (
            each(linear(x, f"{source}.attention.self.{name}")) for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value)
        mixed = mixed.transpose(0, 1).reshape(len(ids), TEXT_WIDTH)
        x = norm(
            x + linear(mixed, f"{source}.attention.output.dense"),
            f"{source}.attention.output.LayerNorm",
        )
        inner = functional.gelu(linear(x, f"{source}.intermediate.dense"))
        x = norm(x + linear(inner, f"{source}.output.dense"), f"{source}.output.LayerNorm")
    return functional.normalize(x.mean(dim=0), dim=0)[None]


KEPT = [0, *range(5, 25)]


@pytest.fixture(scope="module")
def text_model(bert: dict[str, Tensor]) -> bytes:
    model: bytes = text_graph(bert, KEPT, heads(), LAYOUT).SerializeToString()
    return model


@pytest.mark.parametrize("length", [2, 7, TOKENS])
def test_the_text_graph_is_bert_with_the_head(
    bert: dict[str, Tensor], text_model: bytes, length: int
) -> None:
    ids = torch.randint(len(KEPT), (length,), generator=torch.Generator().manual_seed(length))
    expected = heads().texts(bert_features(bert, KEPT, ids))
    ones = np.ones((1, length), np.int64)
    actual = run(text_model, input_ids=ids.numpy()[None], attention_mask=ones)
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=1e-3)


def test_padding_changes_no_text(text_model: bytes) -> None:
    ids = np.array([[1, 5, 9, 2]])
    padded = np.array([[1, 5, 9, 2, 0, 0, 0]])
    alone = run(text_model, input_ids=ids, attention_mask=np.ones_like(ids))
    filled = run(text_model, input_ids=padded, attention_mask=(padded > 0).astype(np.int64))
    torch.testing.assert_close(filled, alone, atol=1e-5, rtol=1e-4)


def lite2(random: torch.Generator) -> dict[str, Tensor]:
    """Random weights in the shapes of EfficientNet-Lite2, channels divided by eight."""
    weights: dict[str, Tensor] = {}

    def layer(conv: str, norm: str, *shape: int) -> None:
        fan = shape[1] * shape[2] * shape[3]
        weights[f"{conv}.weight"] = torch.randn(*shape, generator=random) * (2 / fan) ** 0.5
        for key in ("weight", "running_var"):
            weights[f"{norm}.{key}"] = 0.5 + torch.rand(shape[0], generator=random)
        for key in ("bias", "running_mean"):
            weights[f"{norm}.{key}"] = 0.5 * torch.randn(shape[0], generator=random)

    layer("_conv_stem", "_bn0", 4, 3, 3, 3)
    entering, index = 4, 0
    widths, kernels, blocks = (
        (2, 3, 6, 11, 15, 26, 44),
        (3, 3, 5, 3, 5, 5, 3),
        (1, 3, 3, 4, 4, 5, 1),
    )
    for width, kernel, count in zip(widths, kernels, blocks, strict=True):
        for _ in range(count):
            name, inner = f"_blocks.{index}", entering
            if index:
                inner = 6 * entering
                layer(f"{name}._expand_conv", f"{name}._bn0", inner, entering, 1, 1)
            layer(f"{name}._depthwise_conv", f"{name}._bn1", inner, 1, kernel, kernel)
            layer(f"{name}._project_conv", f"{name}._bn2", width, inner, 1, 1)
            entering, index = width, index + 1
    layer("_conv_head", "_bn1", 1280, entering, 1, 1)
    return weights


def lite2_features(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """The pooled features by torch, batch norms apart and padding as TensorFlow's "SAME"."""

    def layer(x: Tensor, conv: str, norm: str, stride: int, bounded: bool) -> Tensor:
        weight = weights[f"{conv}.weight"]
        kernel, side = weight.shape[2], x.shape[2]
        padding = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        x = functional.pad(x, (padding // 2, padding - padding // 2) * 2)
        groups = x.shape[1] if weight.shape[1] == 1 and kernel > 1 else 1
        x = functional.conv2d(x, weight, stride=stride, groups=groups)
        values = (weights[f"{norm}.{key}"] for key in ("running_mean", "running_var"))
        gain, bias = weights[f"{norm}.weight"], weights[f"{norm}.bias"]
        x = functional.batch_norm(x, *values, gain, bias, eps=1e-3)
        return functional.relu6(x) if bounded else x

    x = layer(x, "_conv_stem", "_bn0", 2, True)
    for index in range(21):
        name, before = f"_blocks.{index}", x
        if index:
            x = layer(x, f"{name}._expand_conv", f"{name}._bn0", 1, True)
        stride = 2 if index in (1, 4, 7, 15) else 1
        x = layer(x, f"{name}._depthwise_conv", f"{name}._bn1", stride, True)
        x = layer(x, f"{name}._project_conv", f"{name}._bn2", 1, False)
        x = x + before if x.shape == before.shape else x
    return layer(x, "_conv_head", "_bn1", 1, True).mean(dim=(2, 3))


def test_the_image_graph_is_the_network_with_the_head() -> None:
    weights = lite2(torch.Generator().manual_seed(0))
    model = image_graph(weights, heads(), LAYOUT).SerializeToString()
    x = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    features = lite2_features(weights, x)
    assert features.std(dim=1).min() > 0.1
    torch.testing.assert_close(
        run(model, pixel_values=x.numpy()), heads().images(features), atol=1e-4, rtol=1e-3
    )


def test_exported_towers_are_quantised_on_made_up_inputs_of_two_heads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The towers themselves take minutes each; small heads take the same way."""
    random = np.random.default_rng(0)
    feeds = {"image": 96, "text": 64}
    for name, width in feeds.items():
        graph, head = Graph(), new_head(width, 6, WIDTH)
        add_layout(graph, add_head(graph, "x", head), LAYOUT, name == "image")
        model = graph.model("head", {"x": (1, ("n", width))}, WIDTH)
        onnx.save(model, tmp_path / f"{name}.fp32.onnx")
    inputs = {
        name: [{"x": random.normal(size=(1, width)).astype(np.float32)} for _ in range(20)]
        for name, width in feeds.items()
    }
    monkeypatch.setattr(export, "calibration", lambda tokenizer, photos: inputs)
    told: list[str] = []
    lines = list(export.quantise_exported(tmp_path, tmp_path, told.append))
    assert told[0].startswith("image tower: layer 1 of ")
    assert told[-1].startswith("text tower: layer ")
    assert [line.split(":")[0] for line in lines] == ["image", "text"]
    assert all(float(line.split()[-1]) > 0.98 for line in lines)
    for name in feeds:
        before, after = (tmp_path / f"{name}.{kind}.onnx" for kind in ("fp32", "int8"))
        assert after.stat().st_size < 0.35 * before.stat().st_size

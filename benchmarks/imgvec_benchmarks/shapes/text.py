"""The text tower, as `CLIPTextModelWithProjection` is exported."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from imgvec_benchmarks.shapes.blocks import encoder, layer_norm
from imgvec_benchmarks.shapes.nodes import Nodes
from imgvec_benchmarks.shapes.sizes import Clip
from imgvec_benchmarks.shapes.weights import Weights

HIDDEN = float(np.finfo(np.float32).min)
"""Addend of transformers to the score of a token that may not be seen."""


def text_tower(clip: Clip, seed: int = 1) -> onnx.ModelProto:
    """`input_ids`, `attention_mask` int64 [n, t] -> `text_embeds` float32 [n, joint].

    A text's vector is read at its first highest id, which in CLIP's vocabulary is the end mark.
    """
    nodes, weights, width = Nodes(), Weights(seed), clip.text.width
    x = _embeddings(nodes, weights, clip)
    x = encoder(nodes, weights, "/text_model", x, clip.text, _mask(nodes, clip))
    x = layer_norm(nodes, weights, "/text_model/final_layer_norm", x, width)
    hidden = nodes.rename_last("last_hidden_state")
    pooled = _at_end_mark(nodes, hidden)
    projection = nodes.weight("onnx::MatMul_projection", weights.linear(width, clip.joint)[0])
    nodes.op("MatMul", [pooled, projection], "/text_projection/MatMul")
    texts = ["batch_size", "sequence_length"]
    return nodes.model(
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, texts),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, texts),
        ],
        [
            helper.make_tensor_value_info(
                nodes.rename_last("text_embeds"), TensorProto.FLOAT, ["batch_size", clip.joint]
            ),
            helper.make_tensor_value_info(hidden, TensorProto.FLOAT, [*texts, width]),
        ],
    )


def _embeddings(nodes: Nodes, weights: Weights, clip: Clip) -> str:
    """Tokens and positions: `[n, t, width]`."""
    name, width = "/text_model/embeddings", clip.text.width
    tokens = nodes.weight(
        "text_model.embeddings.token_embedding.weight",
        weights.normal(clip.vocabulary, width, std=1.0),
    )
    x = nodes.op("Gather", [tokens, "input_ids"], f"{name}/token_embedding/Gather", axis=0)
    places = nodes.constant(np.arange(clip.positions)[np.newaxis])
    until = nodes.op("Unsqueeze", [_length(nodes, name), nodes.constant([0])], f"{name}/Unsqueeze")
    places = nodes.op(
        "Slice", [places, nodes.constant([0]), until, nodes.constant([1])], f"{name}/Slice"
    )
    positions = nodes.weight(
        "text_model.embeddings.position_embedding.weight",
        weights.normal(clip.positions, width, std=0.3),
    )
    place = nodes.op("Gather", [positions, places], f"{name}/position_embedding/Gather", axis=0)
    return nodes.op("Add", [x, place], f"{name}/Add")


def _mask(nodes: Nodes, clip: Clip) -> str:
    """Addend of the scores, `[n, 1, t, t]`: no token sees a later one or a padding."""
    name = "/text_model"
    length = nodes.op("Unsqueeze", [_length(nodes, name), nodes.constant([0])], f"{name}/Unsq")
    square = nodes.op("Concat", [length, length], f"{name}/Concat_square", axis=0)
    full = nodes.op("Expand", [nodes.constant(HIDDEN), square], f"{name}/Expand_full")
    later = nodes.op("Trilu", [full, nodes.constant(1)], f"{name}/Trilu", upper=1)
    seen = nodes.op("Cast", ["attention_mask"], f"{name}/Cast", to=TensorProto.FLOAT)
    padding = nodes.op("Sub", [nodes.constant(1.0), seen], f"{name}/Sub")
    padding = nodes.op("Mul", [padding, nodes.constant(HIDDEN)], f"{name}/Mul")
    padding = nodes.op("Unsqueeze", [padding, nodes.constant([1, 2])], f"{name}/Unsqueeze_pad")
    return nodes.op("Min", [later, padding], f"{name}/Min")


def _at_end_mark(nodes: Nodes, hidden: str) -> str:
    """Each text's features at its end mark: `[n, width]`."""
    name = "/text_model"
    ends = nodes.op("ArgMax", ["input_ids"], f"{name}/ArgMax", axis=-1, keepdims=0)
    ends = nodes.op("Unsqueeze", [ends, nodes.constant([1])], f"{name}/Unsqueeze_end")
    shape = nodes.op("Shape", ["input_ids"], f"{name}/Shape_ids")
    batch = nodes.op("Gather", [shape, nodes.constant(0)], f"{name}/Gather_batch", axis=0)
    rows = nodes.op("Range", [nodes.constant(0), batch, nodes.constant(1)], f"{name}/Range_batch")
    rows = nodes.op("Unsqueeze", [rows, nodes.constant([1])], f"{name}/Unsqueeze_row")
    places = nodes.op("Concat", [rows, ends], f"{name}/Concat_places", axis=1)
    return nodes.op("GatherND", [hidden, places], f"{name}/GatherND")


def _length(nodes: Nodes, name: str) -> str:
    shape = nodes.op("Shape", ["input_ids"], f"{name}/Shape")
    return nodes.op("Gather", [shape, nodes.constant(1)], f"{name}/Gather", axis=0)

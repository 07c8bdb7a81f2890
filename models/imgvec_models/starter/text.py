"""all-MiniLM-L6-v2 (Wang et al. 2020, in BERT's form) and the text head, in float32."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper

from imgvec_models.graphs.protos import MICROSOFT, OPSET
from imgvec_models.shapes.nodes import Nodes
from imgvec_models.starter.head import Heads, add_head
from imgvec_models.starter.wheels import Arrays

LAYERS, ATTENTION_HEADS = 6, 12
EPSILON = 1e-12


def text_graph(
    weights: Arrays,
    heads: Heads,
    offset: float | None = None,
    vocabulary: Sequence[int] | None = None,
) -> onnx.ModelProto:
    """`input_ids`, `attention_mask` int64 [n, t] -> `embedding` float32 [n, 1024], of norm 1.

    `pooled` [n, 384], the tower's own unit features, is an output too. `vocabulary` names the rows
    of the token table that are kept, in their new order; None keeps all.
    """
    nodes = _Bert(weights, OPSET)
    nodes.op("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    x = _embeddings(nodes, vocabulary)
    for layer in range(LAYERS):
        x = _layer(nodes, x, f"encoder.layer.{layer}")
    pooled = _pooled(nodes, x)
    add_head(nodes, heads.text, pooled, offset, raised=False)
    model = nodes.model(
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 1024]),
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["n", 384]),
        ],
    )
    model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return model


class _Bert(Nodes):
    """Nodes with BERT's weights at hand."""

    def __init__(self, weights: Arrays, opset: int) -> None:
        super().__init__(opset)
        self._weights = weights

    def parameter(self, name: str) -> str:
        """One of the tower's weights, as stored."""
        return self.weight(name, np.asarray(self._weights[name], np.float32))

    def table(self, name: str, rows: Sequence[int] | None) -> str:
        """A table of embeddings, or some of its rows."""
        table = np.asarray(self._weights[name], np.float32)
        return self.weight(name, table if rows is None else table[list(rows)])

    def linear(self, name: str, x: str) -> str:
        """x W' + b."""
        weight = np.asarray(self._weights[f"{name}.weight"], np.float32)
        turned = self.weight(f"{name}.weight", np.ascontiguousarray(weight.T))
        product = self.op("MatMul", [x, turned], f"{name}.product")
        return self.op("Add", [product, self.parameter(f"{name}.bias")], name)

    def norm(self, name: str, x: str) -> str:
        """Layer normalisation."""
        gain, bias = (self.parameter(f"{name}.{part}") for part in ("weight", "bias"))
        return self.op("LayerNormalization", [x, gain, bias], name, axis=-1, epsilon=EPSILON)

    def own(self, kind: str, inputs: Sequence[str], name: str, **attributes: int) -> str:
        """A node of ONNX Runtime's own."""
        node: NodeProto = helper.make_node(kind, inputs, [name], name=name, domain=MICROSOFT)
        node.attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())
        self.nodes.append(node)
        return name


def _embeddings(nodes: _Bert, vocabulary: Sequence[int] | None) -> str:
    """Tokens, positions and the one type, normalised: [n, t, 384]."""
    tokens = nodes.table("embeddings.word_embeddings.weight", vocabulary)
    x = nodes.op("Gather", [tokens, "input_ids"], "tokens", axis=0)
    shape = nodes.op("Shape", ["input_ids"], "shape")
    length = nodes.op("Slice", [shape, *(nodes.constant([n]) for n in (1, 2))], "length")
    positions = nodes.parameter("embeddings.position_embeddings.weight")
    first = nodes.op("Slice", [positions, nodes.constant([0]), length], "positions")
    x = nodes.op("Add", [x, first], "placed")
    types = nodes.table("embeddings.token_type_embeddings.weight", [0])
    return nodes.norm("embeddings.LayerNorm", nodes.op("Add", [x, types], "typed"))


def _layer(nodes: _Bert, x: str, name: str) -> str:
    """Attention and a feed-forward layer, each with its skip and norm behind it."""
    parts = [nodes.linear(f"{name}.attention.self.{n}", x) for n in ("query", "key", "value")]
    mixed = nodes.own(
        "MultiHeadAttention",
        [*parts, "", "mask_output_0"],
        f"{name}.attention.mixed",
        num_heads=ATTENTION_HEADS,
    )
    mixed = nodes.linear(f"{name}.attention.output.dense", mixed)
    x = nodes.op("Add", [mixed, x], f"{name}.attention.sum")
    x = nodes.norm(f"{name}.attention.output.LayerNorm", x)
    inner = nodes.own("Gelu", [nodes.linear(f"{name}.intermediate.dense", x)], f"{name}.gelu")
    y = nodes.op("Add", [nodes.linear(f"{name}.output.dense", inner), x], f"{name}.sum")
    return nodes.norm(f"{name}.output.LayerNorm", y)


def _pooled(nodes: _Bert, x: str) -> str:
    """The mean over a text's own tokens, of norm 1: [n, 384]."""
    seen = nodes.op("Cast", ["attention_mask"], "seen", to=TensorProto.FLOAT)
    column = nodes.op("Unsqueeze", [seen, nodes.constant([2])], "column")
    kept = nodes.op("Mul", [x, column], "kept_tokens")
    # The mean's divisor goes with the norm.
    total = nodes.op("ReduceSum", [kept, nodes.constant([1])], "total", keepdims=0)
    norm = nodes.op("ReduceL2", [total], "total.norm", axes=[1], keepdims=1)
    safe = nodes.op("Max", [norm, nodes.constant(1e-12)], "total.safe")
    nodes.op("Div", [total, safe], "pooled")
    return nodes.rename_last("pooled")

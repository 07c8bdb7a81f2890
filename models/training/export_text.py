"""The text tower as an fp32 ONNX graph: all-MiniLM-L6-v2 and the text head.

BERT's encoder (Devlin et al. 2019) with the mean over tokens that Sentence-BERT takes, written out
so that the embedding table can be packed.
"""

import math
from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import Tensor

from training.export_head import add_head, add_layout
from training.graph import Graph
from training.heads import Heads
from training.layout import WIDTH, Layout
from training.table import add_table, pack

LAYERS, ATTENTION_HEADS, TEXT_WIDTH = 6, 12, 384
TOKENS = 64
"""The longest text; the tower has learned positions up to 512."""
EPSILON = 1e-12
"""Of the layer norms."""
UNSEEN = -1e4
"""Added to the attention scores of padding."""


def text_graph(
    weights: Mapping[str, Tensor], kept: list[int], heads: Heads, layout: Layout
) -> onnx.ModelProto:
    """`input_ids`, `attention_mask` int64 [n, t] -> `embedding` float32 [n, 1024] of norm 1.

    `kept` are the rows of the embedding table that the vocabulary has.
    """
    tower = _Tower(weights)
    x = tower.embeddings(kept)
    graph = tower.graph
    seen = graph.add("Cast", ["attention_mask"], "mask", to=onnx.TensorProto.FLOAT)
    hidden = graph.add("Sub", [graph.weight("one", np.array(1.0)), seen], "padding")
    hidden = graph.add("Mul", [hidden, graph.weight("unseen", np.array(UNSEEN))], "unseen.each")
    axes = graph.weight("mask.axes", np.array([1, 2]))
    mask = graph.add("Unsqueeze", [hidden, axes], "unseen.all")
    for layer in range(LAYERS):
        x = tower.layer(x, mask, layer)
    pooled = _pooled(graph, x, seen)
    add_layout(graph, add_head(graph, pooled, heads.text), layout, images=False)
    shape = (onnx.TensorProto.INT64, ("batch", "tokens"))
    return graph.model("starter-text", {"input_ids": shape, "attention_mask": shape}, WIDTH)


class _Tower:
    """Adds the encoder's layers."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.graph = Graph()
        self._weights = weights
        self._split = self.graph.weight(
            "split", np.array([0, 0, ATTENTION_HEADS, TEXT_WIDTH // ATTENTION_HEADS])
        )
        self._merged = self.graph.weight("merge", np.array([0, 0, TEXT_WIDTH]))

    def embeddings(self, kept: list[int]) -> str:
        """Tokens, positions and the type of a first sentence, `[n, t, 384]`."""
        table = pack(self._array("embeddings.word_embeddings.weight")[kept])
        place = self._array("embeddings.position_embeddings.weight")[:TOKENS]
        kind = self._array("embeddings.token_type_embeddings.weight")[0]
        add, weight = self.graph.add, self.graph.weight
        x = add_table(self.graph, table, "input_ids")
        length = add("Shape", ["input_ids"], "tokens.count", start=1, end=2)
        zero, axis = weight("zero", np.array([0])), weight("axis", np.array([0]))
        places = weight("places", place + kind + table.mean)
        x = add("Add", [x, add("Slice", [places, zero, length, axis], "place")], "embedded")
        return self._norm(x, "embeddings.LayerNorm")

    def layer(self, x: str, mask: str, index: int) -> str:
        """Attention and feed-forward, each with its residual and layer norm after."""
        source = f"encoder.layer.{index}"
        query, key, value = (
            self._per_head(x, f"{source}.attention.self.{name}", [0, 2, *order])
            for name, order in (("query", (1, 3)), ("key", (3, 1)), ("value", (1, 3)))
        )
        add = self.graph.add
        scores = add("MatMul", [query, key], f"{source}.scores")
        masked = add("Add", [scores, mask], f"{source}.masked")
        shares = add("Softmax", [masked], f"{source}.shares", axis=-1)
        mixed = add("MatMul", [shares, value], f"{source}.mixed")
        mixed = add("Transpose", [mixed], f"{source}.rows", perm=[0, 2, 1, 3])
        mixed = add("Reshape", [mixed, self._merged], f"{source}.merged")
        mixed = self._linear(mixed, f"{source}.attention.output.dense")
        x = add("Add", [mixed, x], f"{source}.attended")
        x = self._norm(x, f"{source}.attention.output.LayerNorm")
        inner = self._linear(x, f"{source}.intermediate.dense")
        inner = self._linear(self._gelu(inner, source), f"{source}.output.dense")
        x = add("Add", [inner, x], f"{source}.fed")
        return self._norm(x, f"{source}.output.LayerNorm")

    def _per_head(self, x: str, source: str, order: list[int]) -> str:
        width = math.sqrt(TEXT_WIDTH / ATTENTION_HEADS)
        # Dividing the query's weights leaves the scores scaled, without a node for it.
        y = self._linear(x, source, 1 / width if source.endswith("query") else 1.0)
        y = self.graph.add("Reshape", [y, self._split], f"{source}.split")
        return self.graph.add("Transpose", [y], f"{source}.heads", perm=order)

    def _linear(self, x: str, source: str, scale: float = 1.0) -> str:
        matrix = self.graph.weight(f"{source}.weight", self._array(f"{source}.weight").T * scale)
        bias = self.graph.weight(f"{source}.bias", self._array(f"{source}.bias") * scale)
        y = self.graph.add("MatMul", [x, matrix], f"{source}.product")
        return self.graph.add("Add", [y, bias], f"{source}.out")

    def _norm(self, x: str, source: str) -> str:
        gain = self.graph.weight(f"{source}.weight", self._array(f"{source}.weight"))
        bias = self.graph.weight(f"{source}.bias", self._array(f"{source}.bias"))
        return self.graph.add(
            "LayerNormalization", [x, gain, bias], f"{source}.out", epsilon=EPSILON, axis=-1
        )

    def _gelu(self, x: str, name: str) -> str:
        """x (1 + erf(x / sqrt 2)) / 2, in the order of nodes that ONNX Runtime fuses."""
        add, weight = self.graph.add, self.graph.weight
        inner = add("Div", [x, weight("sqrt2", np.array(math.sqrt(2)))], f"{name}.gelu.div")
        inner = add("Erf", [inner], f"{name}.gelu.erf")
        inner = add("Add", [inner, "one"], f"{name}.gelu.add")
        product = add("Mul", [x, inner], f"{name}.gelu.mul")
        return add("Mul", [product, weight("half", np.array(0.5))], f"{name}.gelu")

    def _array(self, name: str) -> NDArray[np.float32]:
        array: NDArray[np.float32] = self._weights[name].numpy()
        return array


def _pooled(graph: Graph, x: str, seen: str) -> str:
    """The mean over the tokens that are no padding, of norm 1: `[n, 384]`."""
    column = graph.weight("pool.column", np.array([2]))
    one = graph.weight("pool.tokens", np.array([1]))
    seen = graph.add("Unsqueeze", [seen, column], "pool.seen")
    kept = graph.add("Mul", [x, seen], "pool.kept")
    total = graph.add("ReduceSum", [kept, one], "pool.total", keepdims=0)
    norm = graph.add("ReduceL2", [total], "pool.norm", axes=[1], keepdims=1)
    return graph.add("Div", [total, norm], "pooled")

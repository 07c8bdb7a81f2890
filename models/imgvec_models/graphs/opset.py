"""Operators of a later version, in the version that built graphs have.

From 17 to 22 the operators that towers are made of changed in types and in how they are written,
and GELU came as one operator. ONNX's own converter knows no way back for some of them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import NodeProto, helper

from imgvec.errors import ModelError
from imgvec_models.graphs.edit import MICROSOFT, OPSET, Graph

OPSETS: Final = range(13, 23)
"""Versions that can be read; the published exports of CLIP have 14, 17 and 19."""
NEW: Final = {
    "AveragePool": ("dilations",),
    "Cast": ("saturate",),
    "QuantizeLinear": ("saturate",),
    "Split": ("num_outputs",),
}
"""Attributes that came later and, in a tower, say what holds without them."""


def to_our_opset(model: onnx.ModelProto, version: int, file: Path) -> onnx.ModelProto:
    """Rewrite a model of `version` in place, if that is later than ours.

    Raises:
        ModelError: an operator cannot be written in our version; the sentence names `file`.
    """
    if version <= OPSET:
        return model
    graph = Graph(model)
    for node in graph.nodes:
        _REWRITTEN.get(node.op_type, _without_new)(graph, node, file)
    return graph.finish()


def _without_new(graph: Graph, node: NodeProto, file: Path) -> None:
    new = NEW.get(node.op_type, ())
    if node.op_type == "AveragePool" and any(
        set(one.ints) - {1} for one in node.attribute if one.name in new
    ):
        raise _unwritable(node, file)
    kept = [one for one in node.attribute if one.name not in new]
    del node.attribute[:]
    node.attribute.extend(kept)


def _reduce(graph: Graph, node: NodeProto, file: Path) -> None:
    """The axes are an attribute, no input."""
    idle = any(one.name == "noop_with_empty_axes" and one.i for one in node.attribute)
    axes = graph.constant(node.input[1]) if len(node.input) > 1 and node.input[1] else None
    if idle or (axes is None and len(node.input) > 1):
        raise _unwritable(node, file)
    kept = [one for one in node.attribute if one.name != "noop_with_empty_axes"]
    del node.attribute[:]
    node.attribute.extend(kept)
    if axes is not None:
        node.attribute.append(helper.make_attribute("axes", np.ravel(axes).tolist()))
        del node.input[1:]


def _gelu(graph: Graph, node: NodeProto, file: Path) -> None:
    """ONNX Runtime had it before the standard, under two names."""
    tanh = any(one.name == "approximate" and one.s == b"tanh" for one in node.attribute)
    node.op_type, node.domain = ("FastGelu" if tanh else "Gelu"), MICROSOFT
    del node.attribute[:]


def _unwritable(node: NodeProto, file: Path) -> ModelError:
    return ModelError(
        f"{file} has a {node.op_type} that opset {OPSET} cannot say: export it with that opset"
    )


_REWRITTEN: Mapping[str, Callable[[Graph, NodeProto, Path], None]] = {
    **{f"Reduce{kind}": _reduce for kind in ("L1", "L2", "Max", "Mean", "Min", "Prod")},
    "Gelu": _gelu,
}

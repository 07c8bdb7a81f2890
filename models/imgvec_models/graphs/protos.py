"""Small helpers over ONNX's messages, and what built graphs declare."""

import onnx
from onnx import NodeProto, TensorProto, helper

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""
OPSET = 17
"""What built graphs declare: the first opset with LayerNormalization. The operators that towers
are made of mean the same from 13 to 17."""


def named(tensor: TensorProto, name: str) -> TensorProto:
    """A copy of a tensor under another name."""
    copy = TensorProto()
    copy.CopyFrom(tensor)
    copy.name = name
    return copy


def copied(node: NodeProto) -> NodeProto:
    """A copy of a node, which outlives the graph that it was read from."""
    copy = NodeProto()
    copy.CopyFrom(node)
    return copy


def declare_domains(model: onnx.ModelProto) -> None:
    """Import what the nodes use; the optimiser declares every domain that it knows."""
    used = {node.domain for node in model.graph.node}
    imports = [helper.make_opsetid("", OPSET)]
    if MICROSOFT in used:
        imports.append(helper.make_opsetid(MICROSOFT, 1))
    del model.opset_import[:]
    model.opset_import.extend(imports)
    model.ir_version = max(model.ir_version, 8)

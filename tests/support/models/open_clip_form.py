"""A CLIP's towers in the form that open_clip's exports have on the hub.

One output, `embedding`, of norm 1; a text is int32, padded to its full length, without a mask.
golden_clip.py has two that PyTorch wrote.
"""

import onnx
from onnx import TensorProto, helper


def in_open_clip_form(tower: onnx.ModelProto) -> onnx.ModelProto:
    """Change a tower as transformers exports it, in place."""
    graph = tower.graph
    joint = graph.output[0]
    graph.node.extend(
        [
            helper.make_node("ReduceL2", [joint.name], ["norm"], axes=[-1], keepdims=1),
            helper.make_node("Div", [joint.name, "norm"], ["embedding"]),
        ]
    )
    width = joint.type.tensor_type.shape.dim[-1].dim_value
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", width]))
    if graph.input[0].name == "pixel_values":
        _rename(graph, "pixel_values", "image")
        graph.input[0].name = "image"
        return tower
    del graph.input[:]
    positions = next(
        tensor.dims[0] for tensor in graph.initializer if "position_embedding" in tensor.name
    )
    graph.input.append(helper.make_tensor_value_info("text", TensorProto.INT32, ["n", positions]))
    _rename(graph, "input_ids", "text")
    one = helper.make_tensor("one", TensorProto.INT64, [1], [1])
    graph.node.insert(
        0, helper.make_node("ConstantOfShape", ["text_shape"], ["attention_mask"], value=one)
    )
    graph.node.insert(0, helper.make_node("Shape", ["text"], ["text_shape"]))
    return tower


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]

"""A graph under rewriting: names stay apart, and only what serves an output is written back."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.run import rows, session


def _model() -> onnx.ModelProto:
    """y = (x + 1) * 2, with a constant as an initializer and one as a node."""
    two = helper.make_node("Constant", [], ["two"], value_float=2.0)
    del two.attribute[:]
    two.attribute.append(
        helper.make_attribute("value", numpy_helper.from_array(np.array(2, np.float32)))
    )
    graph = helper.make_graph(
        [
            two,
            helper.make_node("Add", ["x", "one"], ["sum"]),
            helper.make_node("Mul", ["sum", "two"], ["y"]),
            helper.make_node("Neg", ["sum"], ["unused"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        [
            numpy_helper.from_array(np.array([1], np.float32), "one"),
            numpy_helper.from_array(np.array([9], np.float32), "idle"),
        ],
    )
    imports = [helper.make_opsetid("", 14), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=7)


def _run(model: onnx.ModelProto) -> float:
    return float(rows(session(model), "y", [{"x": np.array([3], np.float32)}])[0])


def test_constants_are_found_wherever_they_are_kept() -> None:
    graph = Graph(_model())
    assert graph.constant("one") == 1
    assert graph.constant("two") == 2
    assert graph.constant("sum") is None
    assert (graph.shape("one"), graph.shape("two"), graph.shape("x")) == ((1,), (), None)


def test_what_serves_no_output_is_dropped() -> None:
    model = Graph(_model()).finish()
    assert [node.op_type for node in model.graph.node] == ["Add", "Mul"]
    assert {tensor.name for tensor in model.graph.initializer} == {"one", "two"}
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    assert _run(model) == 8


def test_a_node_is_replaced_in_its_place() -> None:
    graph = Graph(_model())
    ten = graph.add_constant("ten", np.float32(10))
    old = graph.producer("sum")
    assert old is not None
    graph.replace([old], [graph.node("Mul", ["x", ten], ["sum"])])
    assert [node.op_type for node in graph.consumers("sum")] == ["Mul", "Neg"]
    assert _run(graph.finish()) == 60


def test_names_of_an_earlier_rewrite_are_not_taken_again() -> None:
    model = _model()
    for factor in (10, 100):
        graph = Graph(model)
        constant = graph.add_constant("factor", np.float32(factor))
        old = graph.producer("y")
        assert old is not None
        inner = graph.name("inner")
        graph.replace(
            [old],
            [
                graph.node("Mul", [*old.input], [inner]),
                graph.node("Mul", [inner, constant], ["y"]),
            ],
        )
        model = graph.finish()
    assert _run(model) == 8 * 10 * 100

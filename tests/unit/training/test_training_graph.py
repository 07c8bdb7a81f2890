import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from tests.support.models.packed_table import unpack
from training.graph import Graph
from training.table import add_table, pack

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def run(model: onnx.ModelProto, **inputs: NDArray[np.generic]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    output: NDArray[np.float32] = session.run(["embedding"], inputs)[0]
    return output


def test_a_packed_table_gives_its_rows_to_the_last_bit() -> None:
    """All 256 bytes, first and last rows, and a token twice."""
    random = np.random.default_rng(0)
    table = pack(random.normal(size=(9000, 64)).astype(np.float32))
    assert set(np.unique(table.codes)) == set(range(256))
    graph = Graph()
    rows = add_table(graph, table, "ids")
    graph.add("Add", [rows, graph.weight("mean", table.mean)], "embedding")
    model = graph.model("table", {"ids": (INT64, ("n",))}, 64)
    ids = np.array([0, 8999, 5, 7, 7, 300])
    np.testing.assert_array_equal(run(model, ids=ids), unpack(table)[ids])


def test_codes_are_stored_as_bytes() -> None:
    graph = Graph()
    add_table(graph, pack(np.eye(8, dtype=np.float32)), "ids")
    graph.add("Identity", ["table.rows"], "embedding")
    model = graph.model("table", {"ids": (INT64, ("n",))}, 8)
    (codes,) = (weight for weight in model.graph.initializer if weight.name == "table")
    assert codes.data_type == onnx.TensorProto.UINT8
    assert list(codes.dims) == [8, 4]


def test_tensors_split_along_an_axis() -> None:
    graph = Graph()
    first, second = graph.split("x", (1, 3), "cut", axis=1)
    graph.add("Concat", [second, first], "embedding", axis=1)
    model = graph.model("turn", {"x": (FLOAT, ("n", 4))}, 4)
    x = np.arange(4, dtype=np.float32)[np.newaxis]
    assert run(model, x=x).tolist() == [[1, 2, 3, 0]]


@pytest.mark.parametrize(
    ("array", "stored"),
    [
        pytest.param(np.array([0.1, 0.2]), onnx.TensorProto.FLOAT, id="float64"),
        pytest.param(np.array([1, 2]), onnx.TensorProto.INT64, id="int64"),
        pytest.param(np.array([1, 2], np.uint8), onnx.TensorProto.UINT8, id="uint8"),
    ],
)
def test_weights_keep_their_kind_and_floats_become_float32(
    array: NDArray[np.generic], stored: int
) -> None:
    graph = Graph()
    cast = graph.add("Cast", [graph.weight("w", array)], "cast", to=FLOAT)
    graph.add("Flatten", [cast], "embedding", axis=0)
    model = graph.model("weights", {}, 2)
    assert model.graph.initializer[0].data_type == stored


def test_a_graph_that_is_none_is_refused() -> None:
    graph = Graph()
    graph.add("Relu", ["nowhere"], "embedding")
    with pytest.raises(onnx.checker.ValidationError, match="nowhere"):
        graph.model("broken", {}, 1)


def test_a_single_number_stays_a_scalar() -> None:
    """Clip takes its limits as scalars only."""
    graph = Graph()
    graph.add("Clip", ["x", graph.weight("low", np.array(0.0)), ""], "embedding")
    model = graph.model("clip", {"x": (FLOAT, ("n", 2))}, 2)
    assert list(model.graph.initializer[0].dims) == []
    assert run(model, x=np.array([[-1, 1]], np.float32)).tolist() == [[0, 1]]

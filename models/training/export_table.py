"""A packed embedding table as ONNX nodes."""

import numpy as np
import onnx

from training.graph import Graph
from training.table import MIDDLE, STEPS, Packed


def add_table(graph: Graph, table: Packed, ids: str) -> str:
    """The rows of `ids` int64 [n, t], less the columns' means: `[n, t, width]`.

    Codes are whole numbers below 256, so the arithmetic that parts them is exact in float32.
    """
    steps = graph.weight("table.steps", np.array(float(STEPS)))
    pairs = graph.add("Gather", [graph.weight("table", table.codes), ids], "table.pairs", axis=0)
    both = graph.add("Cast", [pairs], "table.float", to=onnx.TensorProto.FLOAT)
    high = graph.add("Floor", [graph.add("Div", [both, steps], "table.part")], "table.high")
    low = graph.add("Sub", [both, graph.add("Mul", [high, steps], "table.upper")], "table.low")
    codes = graph.add("Concat", [high, low], "table.codes", axis=-1)
    even = graph.add("Sub", [codes, graph.weight("table.middle", np.array(MIDDLE))], "table.even")
    scales = graph.weight("table.scales", table.scale)
    scale = graph.add("Gather", [scales, ids], "table.scale", axis=0)
    scaled = graph.add("Mul", [even, scale], "table.scaled")
    return graph.add("Mul", [scaled, graph.weight("table.spread", table.spread)], "table.rows")

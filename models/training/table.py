"""An embedding table in four bits a value.

Rows are centred and their columns given equal spread, after which the values of a row are nearly
normal; sixteen even steps between -2.6 and 2.6 of its standard deviations are then within 2 % of
the smallest squared error (Max 1960). On all-MiniLM-L6-v2 the loss is a ninth of the table's own
spread, spread evenly, and captions keep a cosine of 0.997; as many bytes in a table of two factors
keep 0.90.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from training.features import Floats
from training.graph import Graph

STEPS = 16
MIDDLE = (STEPS - 1) / 2
LIMIT = 2.6


@dataclass(frozen=True, slots=True)
class Packed:
    """value = (code - 7.5) * `scale` of the row * `spread` of the column + `mean` of the column."""

    codes: NDArray[np.uint8]
    """`[n, width / 2]`: the first half of a row in the high bits, the second in the low."""
    scale: Floats
    """`[n, 1]`."""
    spread: Floats
    """`[width]`."""
    mean: Floats
    """`[width]`."""


def pack(table: Floats) -> Packed:
    """A table `[n, width]` of even width."""
    mean = table.mean(axis=0)
    spread = (table - mean).std(axis=0)
    even = (table - mean) / spread
    scale = np.sqrt(np.square(even).mean(axis=1, keepdims=True)) * (LIMIT / (STEPS / 2))
    codes = np.clip(np.rint(even / scale + MIDDLE), 0, STEPS - 1).astype(np.uint8)
    high, low = np.split(codes, 2, axis=1)
    return Packed(high * np.uint8(STEPS) + low, scale, spread, mean)


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

"""Large embedding tables as integers, each row with a scale of its own."""

import numpy as np
from onnx import TensorProto

from imgvec_models.graphs.edit import Graph
from imgvec_models.quantisation.pairs import FULL, full_scales

LARGE = 1_000_000
"""Values from which on a table is worth it; tables of positions are far smaller."""


def quantise_tables(graph: Graph) -> None:
    """Store large tables that a Gather reads row by row as int8; rows are exact on every CPU.

    A table that holds integers is packed already, and stays as it is.
    """
    for node in list(graph.nodes):
        shape = graph.shape(node.input[0]) if node.op_type == "Gather" else None
        along_rows = not any(a.name == "axis" and a.i for a in node.attribute)
        if shape is None or len(shape) != 2 or shape[0] * shape[1] < LARGE or not along_rows:
            continue
        values = np.asarray(graph.constant(node.input[0]))
        if np.issubdtype(values.dtype, np.integer):
            continue
        table = values.astype(np.float64)
        scales = full_scales(table)
        integers = np.clip(np.rint(table / scales[:, None]), -FULL, FULL).astype(np.int8)
        row, step, cast = (graph.name(f"{node.output[0]}_{part}") for part in ("row", "step", "f"))
        stored = graph.add_constant(node.input[0], integers)
        steps = graph.add_constant("steps", scales[:, None].astype(np.float32))
        graph.replace(
            [node],
            [
                graph.node("Gather", [stored, node.input[1]], [row]),
                graph.node("Cast", [row], [cast], to=TensorProto.FLOAT),
                graph.node("Gather", [steps, node.input[1]], [step]),
                graph.node("Mul", [cast, step], [node.output[0]]),
            ],
        )

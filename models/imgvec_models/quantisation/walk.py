"""Going through a graph node by node, in float32 and as quantised so far, side by side.

Each layer is fitted to the inputs that it will meet, errors of the layers before it included.
Only tensors that are still needed are held.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper

from imgvec_models.graphs.edit import MICROSOFT, OPSET, Graph
from imgvec_models.graphs.run import Feed, session

Array = NDArray[np.float32]
Samples = list[Array]
Constants = Mapping[str, NDArray[np.generic]]


class Walk:
    """Values of tensors for every calibration input, in two chains."""

    def __init__(self, graph: Graph, feeds: Sequence[Feed]) -> None:
        """Begin with the inputs."""
        self._graph = graph
        self._left = Counter(name for node in graph.nodes for name in set(node.input))
        self.exact: dict[str, Samples] = {
            name: [np.asarray(feed[name]) for feed in feeds] for name in graph.inputs
        }
        self.rounded = dict(self.exact)

    def same(self, node: NodeProto) -> bool:
        """Whether both chains agree on all that a node takes."""
        return all(self.exact.get(name) is self.rounded.get(name) for name in node.input)

    def step(self, node: NodeProto) -> None:
        """Run a node that is not quantised, and let go of what no later node takes."""
        constants = self._constants([node])
        outputs = [name for name in node.output if name]
        self.exact |= evaluate([node], outputs, constants, self.exact)
        if self.same(node):
            self.rounded |= {name: self.exact[name] for name in outputs}
        else:
            self.rounded |= evaluate([node], outputs, constants, self.rounded)
        self.passed([node])

    def core(self, nodes: Sequence[NodeProto], changed: Constants, x: Samples | None) -> Samples:
        """Outputs of `nodes` for the exact inputs, or for `x`, with constants changed."""
        chain = self.exact if x is None else {nodes[0].input[0]: x}
        output = nodes[-1].output[0]
        return evaluate(nodes, [output], {**self._constants(nodes), **changed}, chain)[output]

    def passed(self, nodes: Iterable[NodeProto]) -> None:
        """Count nodes as run."""
        for name in (name for node in nodes for name in set(node.input)):
            self._left[name] -= 1
            if not self._left[name]:
                self.exact.pop(name, None)
                self.rounded.pop(name, None)

    def _constants(self, nodes: Iterable[NodeProto]) -> Constants:
        found = {name: self._graph.constant(name) for node in nodes for name in node.input}
        return {name: array for name, array in found.items() if array is not None}


def evaluate(
    nodes: Sequence[NodeProto],
    outputs: Sequence[str],
    constants: Constants,
    chain: Mapping[str, Samples],
) -> dict[str, Samples]:
    """Run a few nodes on every sample of a chain."""
    made = {name for node in nodes for name in node.output}
    taken = {name for node in nodes for name in node.input if name}
    inputs = sorted(taken - made - set(constants))
    graph = helper.make_graph(
        nodes,
        "step",
        [_untyped(name, chain[name][0]) for name in inputs],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [onnx.numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()],
    )
    imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    opened = session(helper.make_model(graph, opset_imports=imports, ir_version=8), optimise=False)
    count = len(chain[inputs[0]]) if inputs else 1
    found = [
        opened.run(list(outputs), {name: chain[name][place] for name in inputs})
        for place in range(count)
    ]
    return {name: [row[place] for row in found] for place, name in enumerate(outputs)}


def _untyped(name: str, sample: NDArray[np.generic]) -> onnx.ValueInfoProto:
    """An input of the sample's type and number of dimensions, all of them open."""
    kind = helper.np_dtype_to_tensor_dtype(sample.dtype)
    return helper.make_tensor_value_info(name, kind, [None] * sample.ndim)

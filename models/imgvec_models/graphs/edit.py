"""An ONNX graph while it is rewritten."""

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""
OPSET = 17
"""The opset of built graphs: the first one with LayerNormalization. The operators that towers
are made of mean the same from 13 to 17."""

Attribute = int | float | str | list[int]


class Graph:
    """A model's graph, with its nodes found by tensor; `finish` writes the changes back."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Index the graph of `model`, which is changed in place."""
        self.model = model
        self.nodes: list[NodeProto] = []
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        for node in model.graph.node:
            value = next((a for a in node.attribute if a.name == "value"), None)
            if node.op_type == "Constant" and value is not None:
                self._constants[node.output[0]] = value.t
            else:
                self.nodes.append(node)
        self._fresh = 0
        self._taken = {name for node in self.nodes for name in node.output} | set(self._constants)
        self.index()

    def index(self) -> None:
        """Find producers and consumers anew; needed once `nodes` was changed from outside."""
        self._producers = {name: node for node in self.nodes for name in node.output}
        self._consumers: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            for name in node.input:
                self._consumers.setdefault(name, []).append(node)

    @property
    def inputs(self) -> list[str]:
        """The names of the graph's inputs."""
        return [tensor.name for tensor in self.model.graph.input]

    @property
    def outputs(self) -> list[str]:
        """The names of the graph's outputs."""
        return [tensor.name for tensor in self.model.graph.output]

    def producer(self, tensor: str) -> NodeProto | None:
        """The node that makes a tensor; none makes an input or a constant."""
        return self._producers.get(tensor)

    def consumers(self, tensor: str) -> list[NodeProto]:
        """The nodes that take a tensor."""
        return self._consumers.get(tensor, [])

    def constant(self, tensor: str) -> NDArray[np.generic] | None:
        """A copy of a constant's values; None for a tensor that is computed."""
        found = self._constants.get(tensor)
        return None if found is None else numpy_helper.to_array(found)

    def shape(self, tensor: str) -> tuple[int, ...] | None:
        """A constant's shape, without reading its values; None for a tensor that is computed."""
        found = self._constants.get(tensor)
        return None if found is None else tuple(found.dims)

    def name(self, hint: str) -> str:
        """A tensor name that is not yet taken, here or by an earlier rewrite."""
        while (name := f"{hint}__{self._fresh}") in self._taken:
            self._fresh += 1
        self._taken.add(name)
        return name

    def add_constant(self, hint: str, array: NDArray[np.generic] | np.generic) -> str:
        """Add a constant under a fresh name."""
        name = self.name(hint)
        self._constants[name] = numpy_helper.from_array(np.asarray(array), name)
        return name

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        domain: str = "",
        **attributes: Attribute,
    ) -> NodeProto:
        """Make a node, called after its first output; `replace` or `append` puts it in."""
        node = helper.make_node(kind, inputs, outputs, name=outputs[0], domain=domain)
        node.attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())
        return node

    def append(self, nodes: Iterable[NodeProto]) -> None:
        """Put nodes at the end."""
        self.nodes.extend(nodes)
        self.index()

    def replace(self, old: Iterable[NodeProto], new: Iterable[NodeProto]) -> None:
        """Put `new` in the place of the last of `old`."""
        gone = {id(node) for node in old}
        last = max(place for place, node in enumerate(self.nodes) if id(node) in gone)
        kept = [node for node in self.nodes[:last] if id(node) not in gone]
        self.nodes = [*kept, *new, *self.nodes[last + 1 :]]
        self.index()

    def set_outputs(self, outputs: Sequence[ValueInfoProto]) -> None:
        """Replace the graph's outputs; `finish` drops what then serves none."""
        del self.model.graph.output[:]
        self.model.graph.output.extend(outputs)

    def finish(self) -> onnx.ModelProto:
        """Write back the nodes and constants that serve an output, and nothing else."""
        graph = self.model.graph
        needed = set(self.outputs)
        kept = []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        self.nodes = kept[::-1]
        for place in reversed(range(len(graph.initializer))):
            tensor = graph.initializer[place]
            if tensor.name not in needed or self._constants.get(tensor.name) is not tensor:
                del graph.initializer[place]
        present = {tensor.name for tensor in graph.initializer}
        for name, tensor in self._constants.items():
            if name in needed and name not in present:
                graph.initializer.append(named(tensor, name))
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        nodes = [copied(node) for node in self.nodes]
        del graph.node[:]
        graph.node.extend(nodes)
        self.nodes = list(graph.node)
        self.index()
        del graph.value_info[:]
        declare_domains(self.model)
        return self.model


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

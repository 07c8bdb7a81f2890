"""Reading an ONNX file that came from elsewhere; nothing in it is trusted."""

from collections.abc import Collection, Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, NodeProto, TensorProto
from onnx.checker import ValidationError
from onnx.external_data_helper import load_external_data_for_tensor

from imgvec.errors import ModelError
from imgvec_models.graphs.edit import MICROSOFT
from imgvec_models.graphs.opset import OPSETS, to_our_opset

STANDARD = frozenset({"", "ai.onnx"})
"""The standard's own operators: all that a pulled file may use."""
OURS = STANDARD | {MICROSOFT}
"""Operators that our builds may use in addition."""


def load(
    folder: Path,
    path: str,
    domains: Collection[str] = STANDARD,
    weights: str | None = None,
    data: Collection[str] = (),
) -> onnx.ModelProto:
    """Read `folder / path`, of which every node and weight is in the file itself.

    `data` names files beside it that may hold weights, which are read. A build of ours may name
    one file beside it, `weights`, which is not read.

    Domains that are declared and not used are ignored, as exporters declare all that they know.
    Operators of a later version than ours become ours.

    Raises:
        ModelError: the file is missing, lies outside `folder` (links are followed), is no ONNX,
            refers to other files, or has nodes of other domains; the sentence names it.
    """
    file = _inside(folder, path)
    try:
        model = onnx.load(file.resolve(), load_external_data=False)
    except (DecodeError, OSError):
        raise ModelError(f"{file} is no ONNX file: pull it again") from None
    version = _reject_foreign(model, file, domains, {weights, *data})
    for name in data:
        _inside(file.parent, name)
    for tensor in _tensors(model.graph):
        if _place(tensor) not in (None, weights):
            _read(tensor, file)
    return to_our_opset(model, version, file)


def _inside(folder: Path, path: str) -> Path:
    """A file that is there and, links followed, within `folder`."""
    file = folder / path
    try:
        whole = file.resolve(strict=True)
    except OSError:
        raise ModelError(f"{file} is missing: pull it again") from None
    if not whole.is_relative_to(folder.resolve()):
        raise ModelError(f"{file} lies outside {folder}: pull it again")
    return file


def _read(tensor: TensorProto, file: Path) -> None:
    """Read a tensor's values from the file beside the graph that it names."""
    try:
        load_external_data_for_tensor(tensor, str(file.parent.resolve()))
    except (OSError, ValueError, ValidationError):
        raise ModelError(f"{file} and the data beside it do not fit: pull both again") from None
    tensor.ClearField("data_location")
    del tensor.external_data[:]


def _reject_foreign(
    model: onnx.ModelProto, file: Path, domains: Collection[str], beside: Collection[str | None]
) -> int:
    """Reject what is not of the standard, and data in other files than `beside`.

    Gives the operators' version.
    """
    if not model.graph.output:
        raise ModelError(f"{file} is no ONNX file: pull it again")
    if model.functions:
        raise ModelError(f"{file} defines operators of its own: it is rejected")
    for node in _nodes(model.graph):
        if node.domain not in domains:
            raise ModelError(f"{file} has a node of the domain {node.domain!a}: it is rejected")
    if any(_place(tensor) not in {None, *beside} for tensor in _tensors(model.graph)):
        raise ModelError(f"{file} keeps weights in another file: it is rejected")
    version = next((one.version for one in model.opset_import if one.domain in STANDARD), 0)
    if version not in OPSETS:
        raise ModelError(
            f"{file} has opset {version}, and {OPSETS[0]} to {OPSETS[-1]} are known: export it anew"
        )
    return version


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """All nodes, those of branches and loops too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """All tensors in a file: weights, dense and sparse, and those in nodes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in _nodes(graph):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for one in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (one.values, one.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _place(tensor: TensorProto) -> str | None:
    """The other file in which a tensor keeps its values, "" if it names none."""
    if tensor.data_location != TensorProto.EXTERNAL and not tensor.external_data:
        return None
    return next((one.value for one in tensor.external_data if one.key == "location"), "")

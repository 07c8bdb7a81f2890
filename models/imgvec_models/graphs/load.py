"""Reading an ONNX file that came from elsewhere; nothing in it is trusted."""

from collections.abc import Collection, Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, NodeProto, TensorProto, version_converter

from imgvec.errors import ModelError
from imgvec_models.graphs.edit import MICROSOFT, OPSET

STANDARD = frozenset({"", "ai.onnx"})
"""The standard's own operators: all that a pulled file may use."""
OURS = STANDARD | {MICROSOFT}
"""Operators that our builds may use in addition."""
OPSETS = range(13, 22)
"""Operator versions that can be read; the published exports of CLIP have 14, 17 and 19. Up to 17
they mean what ours mean, later ones are converted."""
LARGE = 1 << 10
"""Bytes; what is smaller may be a shape or axes, which a conversion reads."""


def load(
    folder: Path, path: str, domains: Collection[str] = STANDARD, weights: str | None = None
) -> onnx.ModelProto:
    """Read `folder / path`, of which every node and weight is in the file itself.

    A build of ours may name one file beside it, `weights`, which is not read.

    Domains that are declared and not used are ignored, as exporters declare all that they know.
    Operators of a later version than ours become ours.

    Raises:
        ModelError: the file is missing, lies outside `folder` (links are followed), is no ONNX,
            refers to other files, or has nodes of other domains; the sentence names it.
    """
    file = folder / path
    try:
        whole = file.resolve(strict=True)
    except OSError:
        raise ModelError(f"{file} is missing: pull it again") from None
    if not whole.is_relative_to(folder.resolve()):
        raise ModelError(f"{file} lies outside {folder}: pull it again")
    try:
        model = onnx.load(whole, load_external_data=False)
    except (DecodeError, OSError):
        raise ModelError(f"{file} is no ONNX file: pull it again") from None
    if _reject_foreign(model, file, domains, weights) <= OPSET:
        return model
    try:
        return _converted(model)
    except (RuntimeError, ValueError):
        raise ModelError(f"{file} cannot be converted to opset {OPSET}: export it anew") from None


def _converted(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with our version of the operators; it is emptied.

    Weights are put aside meanwhile: the converter would hold several copies of them.
    """
    large = [tensor for tensor in model.graph.initializer if len(tensor.raw_data) > LARGE]
    aside = {tensor.name: tensor.raw_data for tensor in large}
    for tensor in large:
        tensor.ClearField("raw_data")
    converted: onnx.ModelProto = version_converter.convert_version(model, OPSET)
    for tensor in converted.graph.initializer:
        if tensor.name in aside:
            tensor.raw_data = aside.pop(tensor.name)
    return converted


def _reject_foreign(
    model: onnx.ModelProto, file: Path, domains: Collection[str], weights: str | None
) -> int:
    """Reject what is not of the standard and in the file itself; gives the operators' version."""
    if not model.graph.output:
        raise ModelError(f"{file} is no ONNX file: pull it again")
    if model.functions:
        raise ModelError(f"{file} defines operators of its own: it is rejected")
    for node in _nodes(model.graph):
        if node.domain not in domains:
            raise ModelError(f"{file} has a node of the domain {node.domain!a}: it is rejected")
    if any(_place(tensor) not in (None, weights) for tensor in _tensors(model.graph)):
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

"""Running graphs while they are built: one thread, one input at a time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper
from onnxruntime.capi import onnxruntime_pybind11_state as native

from imgvec.errors import ModelError
from imgvec_models.graphs.apart import write_apart

Feed: TypeAlias = Mapping[str, NDArray[np.generic]]
Array: TypeAlias = NDArray[np.float32]
SMALLEST = np.finfo(np.float64).tiny

BIG: Final = 1 << 29
"""Bytes from which a graph is opened from a file with its weights beside it: a message of protobuf
has 2 GB at most, and weights that are mapped are not copied."""
SAVED_APART: Final = "session.optimized_model_external_initializers_file_name"
UNWANTED: Final = (
    # These would take matrices, or the sums before a norm, into nodes that are not quantised.
    "AttentionFusion",
    "BiasGeluFusion",
    "ConvActivationFusion",
    "MatMulAddFusion",
    "MatMulScaleFusion",
    "MatmulTransposeFusion",
    "SkipLayerNormFusion",
)

REFUSALS = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NotImplemented,
)


def session(
    model: onnx.ModelProto | Path, save_to: Path | None = None, optimise: bool = True
) -> onnxruntime.InferenceSession:
    """Open a graph, or with `save_to` write it as optimised at the extended level.

    That level fuses operators; the next one lays tensors out for one instruction set.

    Raises:
        ModelError: ONNX Runtime cannot run it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_EXTENDED if optimise else levels.ORT_DISABLE_ALL
    )
    if save_to is not None:
        options.optimized_model_filepath = str(save_to)
        if isinstance(model, onnx.ModelProto) and model.ByteSize() > BIG:
            options.add_session_config_entry(SAVED_APART, f"{save_to.name}.data")
    with TemporaryDirectory() as folder:
        try:
            opened = onnxruntime.InferenceSession(
                _source(model, Path(folder)),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=UNWANTED,
            )
        except REFUSALS:
            raise ModelError(
                f"onnxruntime {onnxruntime.__version__} cannot run this tower: "
                "pull it again, or install a newer onnxruntime"
            ) from None
    # It keeps the source's bytes to open the session anew, which nothing here asks for.
    opened._model_bytes = None
    return opened


def _source(model: onnx.ModelProto | Path, folder: Path) -> str | bytes:
    """What ONNX Runtime opens: a path, or the bytes of a graph."""
    if isinstance(model, Path):
        return str(model)
    if model.ByteSize() > BIG:
        return str(write_apart(model, folder))
    serialised: bytes = model.SerializeToString()
    return serialised


def rows(
    opened: onnxruntime.InferenceSession, output: str, feeds: Iterable[Feed]
) -> NDArray[np.float32]:
    """One output for each feed, stacked: `[feeds, ...]`, from batches of one."""
    return np.concatenate([opened.run([output], dict(feed))[0] for feed in feeds])


def values(model: onnx.ModelProto, tensors: Sequence[str], feed: Feed) -> list[Array]:
    """The values of inner tensors for one feed; the model is left as it was."""
    present = len(model.graph.output)
    added = [t for t in tensors if t not in {output.name for output in model.graph.output}]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in added)
    try:
        found: list[Array] = session(model, optimise=False).run(list(tensors), dict(feed))
    finally:
        del model.graph.output[present:]
    return found


def shapes_of(
    model: onnx.ModelProto, tensors: Collection[str], feed: Feed
) -> dict[str, tuple[int, ...]]:
    """The shapes of inner tensors for one feed; the model is left as it was."""
    graph = model.graph
    nodes, outputs = len(graph.node), len(graph.output)
    names = {tensor: f"{tensor}__shape" for tensor in tensors}
    for tensor, name in names.items():
        graph.node.append(helper.make_node("Shape", [tensor], [name]))
        graph.output.append(onnx.ValueInfoProto(name=name))
    try:
        found = (
            session(model, optimise=False).run(list(names.values()), dict(feed)) if names else []
        )
    finally:
        del graph.node[nodes:]
        del graph.output[outputs:]
    return {tensor: tuple(shape.tolist()) for tensor, shape in zip(names, found, strict=True)}


def cosines(one: Array, other: Array) -> NDArray[np.float64]:
    """Cosine of each row of `[n, width]` with the same row of another: `[n]`."""
    left, right = one.astype(np.float64), other.astype(np.float64)
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    found: NDArray[np.float64] = (left * right).sum(axis=1) / np.maximum(norms, SMALLEST)
    return found

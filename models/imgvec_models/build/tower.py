"""Building one tower: surgery, fusion, quantisation, and the proof that it stayed the same."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copymode
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from imgvec.errors import ModelError
from imgvec_models.graphs.compose import compose, output_name
from imgvec_models.graphs.exact import exact_attention
from imgvec_models.graphs.fuse import fuse
from imgvec_models.graphs.load import OURS, load
from imgvec_models.graphs.native import NativeOutputs, find_native
from imgvec_models.graphs.run import Feed, cosines, rows, session
from imgvec_models.graphs.trim import trim
from imgvec_models.progress import Say, unsaid
from imgvec_models.quantisation.check import PairReport, check_pairs
from imgvec_models.quantisation.quantise import quantise
from imgvec_models.quantisation.scheme import Scheme

LEAST_COSINE = 0.98
"""Least cosine to float32 of every input, of the calibration or given."""


# The converter leaves Max in float32, and puts no cast before it where it cannot infer types.
IN_FLOAT32 = [kind for kind in DEFAULT_OP_BLOCK_LIST if kind != "Max"]


@dataclass(frozen=True, slots=True)
class Judged:
    """How near a built tower is to its source, over the inputs it was judged on."""

    minimum: float
    median: float


@dataclass(frozen=True, slots=True)
class Built:
    """A tower that was built and written."""

    native: NativeOutputs
    pairs: PairReport
    cosines: dict[str, Judged]
    """By output, `embedding_<width>`: cosine to the tower as pulled."""
    quantised: bool
    """False where the source was quantised already."""


def build_tower(
    source: Path,
    target: Path,
    tower: Literal["image", "text"],
    embedding: str,
    inputs: Collection[str],
    widths: Sequence[int],
    feeds: Sequence[Feed],
    scheme: Scheme | None,
    say: Say = unsaid,
) -> Built:
    """Make of `source`, a tower as pulled, the graph `target` that is served.

    `embedding` is the source's output that is its joint embedding; `feeds` are calibration inputs
    of batch 1. A source with integer weights is composed and fused, and not quantised again.
    Without a scheme the matrices become float16, for a GPU. `say` is told of each stage.

    Raises:
        ModelError: the source is refused, is no CLIP tower, or changed too much; one sentence.
    """
    model = load(source.parent, source.name)
    native = find_native(model, embedding)
    model = compose(model, native, widths, tower)
    _require_inputs(model, inputs, source)
    names = [output_name(width) for width in widths]
    taken = [{name: feed[name] for name in inputs} for feed in feeds]

    def tell(stage: str) -> None:
        say(f"{tower} tower: {stage}")

    tell(f"float32 vectors of {len(taken)} inputs")
    exact = _outputs(model, names, taken)
    whole = bool(check_pairs(model).layers)
    if whole and scheme is None:
        raise ModelError(f"{source} is of integers already: float16 is made of float32")
    model = fuse(model, taken[0])
    if scheme is None:
        model = halve(trim(model))
    else:
        if not whole:
            model = quantise(model, taken, scheme, in_float=heads_of(model), say=tell)
        # Afterwards, because rounding is fitted to all positions: one of each photo is too few.
        model = exact_attention(trim(model))
    kind = "float16" if scheme is None else "int8"
    tell(f"{kind} vectors, to compare")
    judged = _judge(exact, _outputs(model, names, taken), source, kind)
    pairs = check_pairs(model)
    _write(model, target)
    return Built(native, pairs, judged, scheme is not None and not whole)


def weights_of(graph: Path) -> Path:
    """Where a built graph keeps its weights."""
    return graph.with_name(f"{graph.name}.data")


def _write(model: onnx.ModelProto, target: Path) -> None:
    """Write the graph, its weights beside it, where ONNX Runtime maps them."""
    weights = weights_of(target)
    # ONNX would append to what is there.
    weights.unlink(missing_ok=True)
    onnx.save(model, target, save_as_external_data=True, location=weights.name)
    # ONNX gives it to its owner alone, who is not the one that serves it from an image.
    copymode(target, weights)
    load(target.parent, target.name, OURS, weights.name)


def _outputs(
    model: onnx.ModelProto, names: Sequence[str], feeds: Sequence[Feed]
) -> dict[str, NDArray[np.float32]]:
    opened = session(model)
    return {name: rows(opened, name, feeds) for name in names}


def heads_of(model: onnx.ModelProto) -> set[str]:
    """Tensors made of the pooled features: matrices that are small beside the blocks, and whose
    errors would be errors of the vector."""
    made = {"pooled"}
    for node in model.graph.node:
        if node.op_type == "Identity" and "pooled" in node.output:
            made.add(node.input[0])
    for node in model.graph.node:
        if made.intersection(node.input):
            made.update(node.output)
    return made


def _judge(
    exact: dict[str, NDArray[np.float32]],
    built: dict[str, NDArray[np.float32]],
    source: Path,
    kind: str,
) -> dict[str, Judged]:
    judged = {}
    for name, one in exact.items():
        near = cosines(one, built[name])
        judged[name] = Judged(float(near.min()), float(np.median(near)))
        if near.min() < LEAST_COSINE:
            raise ModelError(
                f"{source} loses too much as {kind}: cosine {near.min():.4f} to float32 in {name}, "
                f"and {LEAST_COSINE} is the least; calibrate on more photos, or serve it elsewhere"
            )
    return judged


def _require_inputs(model: onnx.ModelProto, inputs: Collection[str], source: Path) -> None:
    """Declare what the served graph takes; a causal text tower needs no mask, and may lack it."""
    present = {tensor.name for tensor in model.graph.input}
    if not present <= set(inputs):
        raise ModelError(
            f"{source} takes {', '.join(sorted(present))}, "
            f"and {', '.join(inputs)} are known: correct the recipe"
        )
    for name in inputs:
        if name not in present:
            model.graph.input.append(
                helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
            )


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph in float16; its inputs and outputs stay float32.

    A CPU runs it too, with casts around each operator: slowly, and with the same result but for the
    last digits.
    """
    halved: onnx.ModelProto = convert_float_to_float16(
        model, keep_io_types=True, op_block_list=IN_FLOAT32
    )
    return halved

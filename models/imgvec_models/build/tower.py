"""Building one tower: surgery, fusion, quantisation, and the proof that it stayed the same."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copymode
from tempfile import TemporaryDirectory
from typing import Final, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from imgvec.errors import ModelError
from imgvec_models.build.heads import heads_of
from imgvec_models.build.pulled import Pulled
from imgvec_models.build.stored import store_half
from imgvec_models.graphs.apart import write_apart
from imgvec_models.graphs.compose import compose, output_name
from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.exact import exact_attention
from imgvec_models.graphs.fuse import fuse
from imgvec_models.graphs.load import OURS, load
from imgvec_models.graphs.native import NativeOutputs, find_native
from imgvec_models.graphs.run import Feed, cosines, rows, session
from imgvec_models.graphs.trim import trim
from imgvec_models.progress import Say, unsaid
from imgvec_models.quantisation.check import PairReport, check_pairs
from imgvec_models.quantisation.promise import broken_promise
from imgvec_models.quantisation.quantise import quantise, quantise_tables
from imgvec_models.quantisation.scheme import AUTO, FLOAT16_WEIGHTS, HALF, SCHEMES, TRIED

LEAST_COSINE = 0.98
"""Least cosine to float32 of every input, of the calibration or given."""
AS_PULLED: Final = "as pulled"
"""In the place of a scheme's name: the source was quantised already."""

# The converter leaves Max in float32, and puts no cast before it where it cannot infer types.
IN_FLOAT32 = [kind for kind in DEFAULT_OP_BLOCK_LIST if kind != "Max"]

Vectors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The graph that is made of a tower."""

    tower: Literal["image", "text"]
    embedding: str
    """The source's output that is its joint embedding."""
    inputs: tuple[str, ...]
    widths: tuple[int, ...]
    """The dimensions of the outputs."""
    scheme: str = AUTO


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
    scheme: str
    cosines: dict[str, Judged]
    """By output, `embedding_<width>`: cosine to the tower as pulled."""
    rejected: dict[str, float]
    """Least cosine by scheme, of those that came too far from float32."""
    differs: str | None
    """Why another x86 may give other bits; None where the scheme promises the same."""

    @property
    def quantised(self) -> bool:
        """Whether it was quantised here."""
        return self.scheme in SCHEMES


def build_tower(
    source: Pulled, target: Path, wanted: Wanted, feeds: Sequence[Feed], say: Say = unsaid
) -> Built:
    """Make of `source`, a tower as pulled, the graph `target` that is served.

    `feeds` are calibration inputs of batch 1. A source with integer weights is composed and fused,
    and not quantised again. `say` is told of each stage.

    Raises:
        ModelError: the source is rejected, is no encoder's tower, or changed too much in every
            scheme that was to be tried; one sentence.
    """

    def tell(stage: str) -> None:
        say(f"{wanted.tower} tower: {stage}")

    model = source.load()
    native = find_native(model, wanted.embedding)
    model = compose(model, native, wanted.widths, wanted.tower)
    _require_inputs(model, wanted.inputs, source)
    names = [output_name(width) for width in wanted.widths]
    taken = [{name: feed[name] for name in wanted.inputs} for feed in feeds]
    tell(f"float32 vectors of {len(taken)} inputs")
    exact = _outputs(model, names, taken)
    schemes = _schemes(model, wanted.scheme, source)
    if HALF not in schemes:
        # Before all else: the tables of many languages are most of the bytes.
        quantise_tables(graph := Graph(model))
        model = graph.finish()
    model = fuse(model, taken[0])
    rejected: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        fused = write_apart(model, Path(folder))
        for name in schemes:
            model = _made(onnx.load(fused), name, taken, tell)
            tell(f"{_kind(name)} vectors, to compare")
            judged = _judge(exact, _outputs(model, names, taken))
            least = min(one.minimum for one in judged.values())
            if least >= LEAST_COSINE:
                tell(f"scheme {name}: least cosine {least:.4f} to float32")
                pairs, differs = check_pairs(model), broken_promise(model)
                _write(model, target)
                return Built(native, pairs, name, judged, rejected, differs)
            rejected[name] = least
            tell(f"scheme {name}: least cosine {least:.4f} to float32 is under {LEAST_COSINE}")
    raise _lost(source, rejected)


def _schemes(model: onnx.ModelProto, scheme: str, source: Pulled) -> Sequence[str]:
    """The schemes to try, in turn."""
    if check_pairs(model).layers:
        if scheme in (HALF, FLOAT16_WEIGHTS):
            raise ModelError(f"{source} is of integers already: {scheme} is made of float32")
        return (AS_PULLED,)
    return TRIED if scheme == AUTO else (scheme,)


def _made(model: onnx.ModelProto, scheme: str, feeds: Sequence[Feed], tell: Say) -> onnx.ModelProto:
    """The graph of one scheme, of a fused one."""
    if scheme == HALF:
        return halve(trim(model))
    if scheme == FLOAT16_WEIGHTS:
        return store_half(exact_attention(trim(model)))
    if scheme in SCHEMES:
        model = quantise(model, feeds, SCHEMES[scheme], in_float=heads_of(model), say=tell)
    # Afterwards, because rounding is fitted to all positions: one of each photo is too few.
    return exact_attention(trim(model))


def _kind(scheme: str) -> str:
    return "float16" if scheme in (HALF, FLOAT16_WEIGHTS) else "int8"


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


def _outputs(model: onnx.ModelProto, names: Sequence[str], feeds: Sequence[Feed]) -> Vectors:
    opened = session(model)
    return {name: rows(opened, name, feeds) for name in names}


def _judge(exact: Vectors, built: Vectors) -> dict[str, Judged]:
    judged = {}
    for name, one in exact.items():
        near = cosines(one, built[name])
        judged[name] = Judged(float(near.min()), float(np.median(near)))
    return judged


def _lost(source: Pulled, rejected: Mapping[str, float]) -> ModelError:
    tried = ", ".join(f"{name} {least:.4f}" for name, least in rejected.items())
    (kind,) = {_kind(name) for name in list(rejected)[-1:]}
    return ModelError(
        f"{source} loses too much as {kind}: least cosine to float32 {tried}, and {LEAST_COSINE} "
        "is the limit; calibrate on more photos, or serve it elsewhere"
    )


def _require_inputs(model: onnx.ModelProto, inputs: Collection[str], source: Pulled) -> None:
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

"""OpenAI's CLIP as tensors, written as the two ONNX towers that everything else starts from.

The graph is the one of `shapes`: the operators that transformers' export has. Its random weights
are replaced, each by the tensor of its name; a weight without one, or of another shape, is an
error, so no random number stays.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from imgvec.errors import ModelError
from imgvec_models.hub.archive import Tensors
from imgvec_models.shapes.sizes import Clip, Transformer
from imgvec_models.shapes.text import text_tower
from imgvec_models.shapes.vision import image_tower

HEAD = 64
"""Channels of each attention head in every CLIP of OpenAI's (clip/model.py, `build_model`)."""
BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
"""Parts of a block, as OpenAI and as transformers name them."""

Parameters = Mapping[str, NDArray[np.generic]]


def write_towers(tensors: Tensors, folder: Path) -> None:
    """Write `image.onnx` and `text.onnx`, float32, into `folder`.

    Raises:
        ModelError: the tensors are not those of a CLIP with a vision transformer.
    """
    try:
        clip = _sizes(tensors)
        image, text = _image_parameters(tensors), _text_parameters(tensors)
    except (KeyError, ValueError, IndexError):
        raise ModelError("The archive's tensors are not those of a CLIP") from None
    _write(image_tower(clip), image, folder / "image.onnx")
    _write(text_tower(clip), text, folder / "text.onnx")


def _sizes(tensors: Tensors) -> Clip:
    width, _, patch, _ = tensors["visual.conv1.weight"].shape
    side = round((tensors["visual.positional_embedding"].shape[0] - 1) ** 0.5)
    vocabulary, text_width = tensors["token_embedding.weight"].shape
    return Clip(
        image=Transformer(width, _layers(tensors, "visual."), width // HEAD),
        text=Transformer(text_width, _layers(tensors, ""), text_width // HEAD),
        image_size=side * patch,
        patch=patch,
        joint=tensors["text_projection"].shape[1],
        vocabulary=vocabulary,
        positions=tensors["positional_embedding"].shape[0],
    )


def _layers(tensors: Tensors, tower: str) -> int:
    start = f"{tower}transformer.resblocks."
    return len({name[len(start) :].partition(".")[0] for name in tensors if name.startswith(start)})


def _image_parameters(tensors: Tensors) -> Parameters:
    embeddings = "vision_model.embeddings"
    return {
        f"{embeddings}.patch_embedding.weight": tensors["visual.conv1.weight"],
        f"{embeddings}.class_embedding": tensors["visual.class_embedding"][np.newaxis, np.newaxis],
        f"{embeddings}.position_embedding.weight": tensors["visual.positional_embedding"],
        **_both(tensors, "visual.ln_pre", "vision_model.pre_layrnorm"),
        **_both(tensors, "visual.ln_post", "vision_model.post_layernorm"),
        **_blocks(tensors, "visual.", "vision_model"),
        "visual_projection.weight": tensors["visual.proj"].T,
    }


def _text_parameters(tensors: Tensors) -> Parameters:
    embeddings = "text_model.embeddings"
    return {
        f"{embeddings}.token_embedding.weight": tensors["token_embedding.weight"],
        f"{embeddings}.position_embedding.weight": tensors["positional_embedding"],
        **_both(tensors, "ln_final", "text_model.final_layer_norm"),
        **_blocks(tensors, "", "text_model"),
        "text_projection.weight": tensors["text_projection"].T,
    }


def _blocks(tensors: Tensors, tower: str, name: str) -> Parameters:
    found: dict[str, NDArray[np.generic]] = {}
    for number in range(_layers(tensors, tower)):
        theirs = f"{tower}transformer.resblocks.{number}"
        ours = f"{name}.encoder.layers.{number}"
        for kind in ("weight", "bias"):
            parts = np.split(tensors[f"{theirs}.attn.in_proj_{kind}"], 3)
            for letter, part in zip("qkv", parts, strict=True):
                found[f"{ours}.self_attn.{letter}_proj.{kind}"] = part
        for old, new in BLOCK.items():
            found.update(_both(tensors, f"{theirs}.{old}", f"{ours}.{new}"))
    return found


def _both(tensors: Tensors, old: str, new: str) -> Parameters:
    return {f"{new}.{kind}": tensors[f"{old}.{kind}"] for kind in ("weight", "bias")}


def _write(model: onnx.ModelProto, parameters: Parameters, path: Path) -> None:
    """Replace every weight of `model` by the parameter of its name, and write it."""
    matrices = {
        node.input[1]: node.name.removesuffix("/MatMul").strip("/").replace("/", ".")
        for node in model.graph.node
        if node.op_type == "MatMul"
    }
    left = dict(parameters)
    for weight in model.graph.initializer:
        matrix = matrices.get(weight.name)
        value = left.pop(weight.name if matrix is None else f"{matrix}.weight", None)
        if value is None:
            raise ModelError(f"The archive has no tensor for {weight.name}")
        exact = (value if matrix is None else value.T).astype(np.float32)
        if exact.shape != tuple(weight.dims):
            raise ModelError(f"The archive's tensor for {weight.name} has another shape")
        weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(exact), weight.name))
    if left:
        raise ModelError(f"The archive has tensors of no known use: {', '.join(sorted(left))}")
    onnx.save(model, path)

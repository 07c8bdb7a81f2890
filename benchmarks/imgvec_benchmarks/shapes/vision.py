"""The image tower, as `CLIPVisionModelWithProjection` is exported."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from imgvec_benchmarks.shapes.blocks import encoder, layer_norm
from imgvec_benchmarks.shapes.nodes import Nodes
from imgvec_benchmarks.shapes.sizes import Clip
from imgvec_benchmarks.shapes.weights import Weights


def image_tower(clip: Clip, seed: int = 0) -> onnx.ModelProto:
    """`pixel_values` float32 [n, 3, size, size] -> `image_embeds` float32 [n, joint].

    They are not normalised. The published export has the second output too:
    `last_hidden_state` [n, 1 + patches, width].
    """
    nodes, weights, width = Nodes(), Weights(seed), clip.image.width
    x = _embeddings(nodes, weights, clip)
    x = layer_norm(nodes, weights, "/vision_model/pre_layrnorm", x, width)
    x = encoder(nodes, weights, "/vision_model", x, clip.image)
    hidden = nodes.rename_last("last_hidden_state")
    pooled = nodes.op("Gather", [hidden, nodes.constant(0)], "/vision_model/Gather_1", axis=1)
    pooled = layer_norm(nodes, weights, "/vision_model/post_layernorm", pooled, width)
    projection = nodes.weight("onnx::MatMul_projection", weights.linear(width, clip.joint)[0])
    nodes.op("MatMul", [pooled, projection], "/visual_projection/MatMul")
    side = clip.image_size
    return nodes.model(
        [
            helper.make_tensor_value_info(
                "pixel_values", TensorProto.FLOAT, ["batch_size", 3, side, side]
            )
        ],
        [
            helper.make_tensor_value_info(
                nodes.rename_last("image_embeds"), TensorProto.FLOAT, ["batch_size", clip.joint]
            ),
            helper.make_tensor_value_info(
                hidden, TensorProto.FLOAT, ["batch_size", 1 + clip.patches, width]
            ),
        ],
    )


def _embeddings(nodes: Nodes, weights: Weights, clip: Clip) -> str:
    """Patches, class token and positions: `[n, 1 + patches, width]`."""
    name, width, patch = "/vision_model/embeddings", clip.image.width, clip.patch
    kernel = nodes.weight(
        "vision_model.embeddings.patch_embedding.weight",
        weights.normal(width, 3, patch, patch, std=1 / (3**0.5 * patch)),
    )
    x = nodes.op(
        "Conv",
        ["pixel_values", kernel],
        f"{name}/patch_embedding/Conv",
        dilations=[1, 1],
        group=1,
        kernel_shape=[patch, patch],
        pads=[0, 0, 0, 0],
        strides=[patch, patch],
    )
    flat = nodes.constant([0, width, -1])
    x = nodes.op("Reshape", [x, flat], f"{name}/Reshape")
    x = nodes.op("Transpose", [x], f"{name}/Transpose", perm=[0, 2, 1])
    shape = nodes.op("Shape", ["pixel_values"], f"{name}/Shape")
    batch = nodes.op("Gather", [shape, nodes.constant([0])], f"{name}/Gather", axis=0)
    target = nodes.op("Concat", [batch, nodes.constant([1, width])], f"{name}/Concat", axis=0)
    token = nodes.weight(
        "vision_model.embeddings.class_embedding", weights.normal(1, 1, width, std=0.5)
    )
    token = nodes.op("Expand", [token, target], f"{name}/Expand")
    x = nodes.op("Concat", [token, x], f"{name}/Concat_1", axis=1)
    positions = nodes.weight(
        "vision_model.embeddings.position_embedding.weight",
        weights.normal(1 + clip.patches, width, std=0.3),
    )
    places = nodes.constant(np.arange(1 + clip.patches)[np.newaxis])
    place = nodes.op("Gather", [positions, places], f"{name}/position_embedding/Gather", axis=0)
    return nodes.op("Add", [x, place], f"{name}/Add")

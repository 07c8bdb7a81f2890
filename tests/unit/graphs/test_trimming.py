"""What no output reads is not computed, and no value changes."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from imgvec_benchmarks.shapes.sizes import SMALL
from imgvec_models.graphs.edit import Graph
from imgvec_models.graphs.fuse import fuse
from imgvec_models.graphs.run import rows, session
from imgvec_models.graphs.trim import trim
from imgvec_models.quantisation.quantise import quantise
from imgvec_models.quantisation.scheme import SCHEMES, STATIC
from tests.support.models.small_clip import small_feeds, small_tower

EMBEDDINGS = {"image": "image_embeds", "text": "text_embeds"}
POSITIONS = SMALL.patches + 1
HIDDEN = 4 * SMALL.image.width


def embedding_alone(tower: str) -> onnx.ModelProto:
    """A fused tower that has no output but the embedding."""
    model = fuse(small_tower(tower), small_feeds(tower, 1)[0])
    graph = Graph(model)
    graph.set_outputs([one for one in model.graph.output if one.name == EMBEDDINGS[tower]])
    return graph.finish()


def quantised() -> onnx.ModelProto:
    """The image tower with integer weights."""
    return quantise(embedding_alone("image"), small_feeds("image", 4), SCHEMES[STATIC])


def positions_by_block(model: onnx.ModelProto) -> list[int]:
    """How many positions each block's activation computes."""
    for node in model.graph.node:
        if node.op_type == "QuickGelu":
            model.graph.output.append(
                helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)
            )
    names = [one.name for one in model.graph.output][1:]
    found = session(model).run(names, small_feeds("image", 1)[0])
    assert all(activation.shape[2] == HIDDEN for activation in found)
    return [activation.shape[1] for activation in found]


@pytest.mark.parametrize("integers", [False, True], ids=["float32", "integers"])
def test_the_last_block_computes_one_position(integers: bool) -> None:
    whole = quantised() if integers else embedding_alone("image")
    trimmed = trim(onnx.load_from_string(whole.SerializeToString()))
    assert positions_by_block(whole) == [POSITIONS] * SMALL.image.layers
    assert positions_by_block(trimmed) == [POSITIONS] * (SMALL.image.layers - 1) + [1]


def test_integer_vectors_keep_every_bit() -> None:
    feeds = small_feeds("image", 20, seed=7)
    before, after = (
        rows(session(model), EMBEDDINGS["image"], feeds)
        for model in (quantised(), trim(quantised()))
    )
    assert np.array_equal(before, after)


def test_what_somebody_reads_stays() -> None:
    model = fuse(small_tower("image"), small_feeds("image", 1)[0])
    assert len(model.graph.output) > 1, "the export has the hidden state as an output too"
    count = len(model.graph.node)
    assert len(trim(model).graph.node) == count


def test_a_tower_that_picks_another_position_stays() -> None:
    model = embedding_alone("text")
    before = model.SerializeToString()
    assert trim(model).SerializeToString() == before

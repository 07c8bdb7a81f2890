"""Towers of other families than CLIP, in their exporter's own form: found, fused, quantised."""

from collections import Counter

import numpy as np
import pytest

from imgvec_models.graphs.fuse import fuse
from imgvec_models.graphs.native import find_native
from imgvec_models.graphs.run import Feed, cosines, rows, session, shapes_of
from imgvec_models.graphs.trim import trim
from imgvec_models.quantisation.check import check_pairs
from imgvec_models.quantisation.promise import broken_promise
from tests.support.models.small_families import (
    FAMILIES,
    JOINT,
    OUTPUT,
    Family,
    built,
    composed,
    fused,
)

SIZES = {"resnet_image": (JOINT, 64), "open_clip_image": (8, 32)}
EVERY = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def _together(feeds: list[Feed]) -> Feed:
    return {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}


@EVERY
def test_its_native_outputs_are_found(family: Family) -> None:
    native = find_native(family.pulled.load(), "embedding")
    assert (native.pooled_width, native.joint_width) == (family.pooled, JOINT)


@EVERY
def test_its_unit_vectors_are_the_source_s_embedding(family: Family) -> None:
    source = family.pulled.load()
    kind = np.int32 if family.tower == "text" else np.float32
    feeds = [{name: one.astype(kind) for name, one in feed.items()} for feed in family.feeds(8)]
    exact = rows(session(source), "embedding", feeds)
    np.testing.assert_allclose(
        rows(session(composed(family)), OUTPUT, family.feeds(8)), exact, atol=1e-5
    )


@EVERY
def test_fusion_keeps_every_vector_alone_and_in_a_batch(family: Family) -> None:
    feeds = family.feeds(5)
    exact = rows(session(composed(family)), OUTPUT, feeds)
    opened = session(fused(family))
    assert cosines(exact, rows(opened, OUTPUT, feeds)).min() > 0.99999
    if family.takes_any_batch:
        (together,) = opened.run([OUTPUT], dict(_together(feeds)))
        assert cosines(exact, together).min() > 0.99999


@EVERY
def test_its_attention_is_one_node_and_shapes_are_constants(family: Family) -> None:
    before = Counter(node.op_type for node in composed(family).graph.node)
    after = Counter(node.op_type for node in fused(family).graph.node)
    assert after["MultiHeadAttention"] == family.attentions
    assert before["Shape"] > 2 or family.name in ("resnet_image", "fastvit_image"), "control"
    assert after["Shape"] <= (3 if family.name == "xlmr_text" else 1)


@pytest.mark.parametrize("name", SIZES)
def test_attention_in_front_of_one_position_computes_that_one_alone(name: str) -> None:
    """Queries that PyTorch has cut out of one product, where all positions come first."""
    family, joint, side = Family(name, None, 1), *SIZES[name]
    feed = {"image": family.feeds(1)[0]["image"][..., :side, :side]}
    model = fuse(composed(family, joint), feed)
    (output,) = (one.name for one in model.graph.output if one.name.startswith("embedding"))
    exact = rows(session(model), output, [feed])
    trimmed = trim(model)
    last = [node for node in trimmed.graph.node if node.op_type == "MultiHeadAttention"][-1]
    shapes = shapes_of(trimmed, [last.input[0], last.input[1], last.output[0]], feed)
    lengths = [shape[1] for shape in shapes.values()]
    assert lengths[0] == lengths[2] == 1 < lengths[1]
    np.testing.assert_allclose(rows(session(trimmed), output, [feed]), exact, atol=1e-6)


def test_gelu_by_tanh_is_one_node() -> None:
    (text,) = (family for family in FAMILIES if family.name == "siglip_text")
    before = Counter(node.op_type for node in composed(text).graph.node)
    after = Counter(node.op_type for node in fused(text).graph.node)
    assert before["Tanh"] == after["FastGelu"] == 2
    assert not after["Tanh"]


@EVERY
@pytest.mark.parametrize("scheme", ["pairs-static", "pairs-dynamic"])
def test_as_integers_it_stays_near_float32_under_the_bound(family: Family, scheme: str) -> None:
    test = family.feeds(20, seed=1)
    model = built(family, scheme)
    exact = rows(session(composed(family)), OUTPUT, test)
    assert cosines(exact, rows(session(model), OUTPUT, test)).min() > 0.97
    report = check_pairs(model)
    assert report.violations == 0
    assert len(report.layers) > 5
    kinds = {node.op_type for node in model.graph.node}
    assert not {"Conv", "Softmax", "MultiHeadAttention"} & kinds
    dynamic = "DynamicQuantizeLinear" in kinds
    assert (broken_promise(model) is None) is not dynamic


@EVERY
def test_a_vector_has_the_same_bits_alone_and_in_a_batch(family: Family) -> None:
    feeds = family.feeds(7, seed=2)
    served = session(built(family, "pairs-static"))
    alone = rows(served, OUTPUT, feeds)
    if family.takes_any_batch:
        (together,) = served.run([OUTPUT], dict(_together(feeds)))
        assert np.array_equal(alone, together) is family.same_in_batches
    else:
        assert served.get_inputs()[0].shape[0] == 1

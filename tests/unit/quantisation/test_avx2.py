"""The same vectors on a CPU with AVX2 and no VNNI, which qemu emulates."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from imgvec.errors import ModelError
from imgvec_benchmarks.machine import flags
from imgvec_models.build.encoder import build_encoder
from imgvec_models.graphs.edit import MICROSOFT
from imgvec_models.graphs.exact import exact_attention
from imgvec_models.graphs.fuse import fuse
from imgvec_models.quantisation import avx2
from imgvec_models.quantisation.alone import run_alone
from imgvec_models.quantisation.avx2 import INSTALL, compare_encoder, run_emulated
from imgvec_models.quantisation.quantise import quantise
from imgvec_models.quantisation.scheme import SCHEMES
from tests.support.models.golden_clip import golden_recipe, write_golden
from tests.support.models.small_clip import small_feeds, small_tower
from tests.support.models.small_families import FAMILIES, OUTPUT, Family, built

STARTER = Path(__file__).parents[3] / "models" / "starter"
EMBEDDINGS = {"image": "image_embeds", "text": "text_embeds"}


@pytest.fixture
def emulator() -> None:
    """Skip without qemu, so that a laptop needs none; fail on CI, which has to install it."""
    if not avx2.is_available():
        missing = f"NOT CHECKED: vectors on CPUs without VNNI, as qemu is missing: {INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)


def _product(greatest: int) -> onnx.ModelProto:
    """255 times pairs of weights that sum to twice `greatest`."""
    weights = np.full((8, 4), greatest, np.int8)
    graph = helper.make_graph(
        [
            helper.make_node("MatMulInteger", ["x", "w"], ["i"]),
            helper.make_node("Cast", ["i"], ["y"], to=TensorProto.FLOAT),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    ("greatest", "sum_"),
    [(64, 255 * 64 * 8), (127, 32767 * 4)],
    ids=["bound keeps it exact", "control: full range saturates"],
)
def test_the_emulated_cpu_saturates_what_the_bound_excludes(
    tmp_path: Path, greatest: int, sum_: int
) -> None:
    model = tmp_path / "product.onnx"
    onnx.save(_product(greatest), model)
    feeds = [{"x": np.full((1, 8), 255, np.uint8)}]
    np.testing.assert_array_equal(run_emulated(model, "y", feeds), [[sum_] * 4])


@pytest.mark.usefixtures("emulator")
def test_the_shipped_encoder_is_the_same_to_the_last_bit() -> None:
    found = list(compare_encoder(STARTER))
    assert {one.path.name for one in found} == {"image.int8.onnx", "text.int8.onnx"}
    assert all(one.exact for one in found), found


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("tower", ["image", "text"])
@pytest.mark.parametrize("scheme", ["pairs-static", "pairs-dynamic"])
def test_a_transformer_is_the_same_to_the_last_bit(tmp_path: Path, tower: str, scheme: str) -> None:
    feeds = small_feeds(tower, 24)
    model = quantise(
        fuse(small_tower(tower), feeds[0]), feeds, SCHEMES[scheme], in_float={EMBEDDINGS[tower]}
    )
    path = tmp_path / "tower.onnx"
    onnx.save(exact_attention(model), path)
    here = run_alone(path, EMBEDDINGS[tower], feeds)
    np.testing.assert_array_equal(here, run_emulated(path, EMBEDDINGS[tower], feeds))


@pytest.mark.usefixtures("emulator")
def test_an_export_of_pytorch_s_is_the_same_to_the_last_bit(tmp_path: Path) -> None:
    recipe = golden_recipe()
    write_golden(tmp_path)
    build_encoder(tmp_path, recipe, tmp_path / recipe.name)
    found = list(compare_encoder(tmp_path / recipe.name))
    assert len(found) == 2
    assert all(one.exact for one in found), found


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    "family", [one for one in FAMILIES if one.takes_any_batch], ids=lambda family: family.name
)
def test_another_family_s_tower_is_the_same_to_the_last_bit(tmp_path: Path, family: Family) -> None:
    path = tmp_path / "tower.onnx"
    onnx.save(built(family, "pairs-static"), path)
    feeds = family.feeds(6, seed=3)
    np.testing.assert_array_equal(run_alone(path, OUTPUT, feeds), run_emulated(path, OUTPUT, feeds))


def _activations() -> onnx.ModelProto:
    """Each operator that towers of other families have in float32, side by side."""
    kinds = [
        *(helper.make_node(kind, ["x"], [kind]) for kind in ("Erf", "Sigmoid", "Sqrt", "Tanh")),
        *(
            helper.make_node(kind, ["x"], [kind], domain=MICROSOFT)
            for kind in ("FastGelu", "Gelu", "QuickGelu")
        ),
        helper.make_node("BiasGelu", ["x", "scale"], ["BiasGelu"], domain=MICROSOFT),
        helper.make_node("LayerNormalization", ["x", "scale", "scale"], ["LayerNormalization"]),
        *(
            helper.make_node("Expand", [f"{kind}_mean", "shape"], [kind])
            for kind in ("GlobalAveragePool", "ReduceMean")
        ),
        helper.make_node("InstanceNormalization", ["x", "gain", "gain"], ["InstanceNormalization"]),
    ]
    means = [
        helper.make_node("GlobalAveragePool", ["x"], ["GlobalAveragePool_mean"]),
        helper.make_node("ReduceMean", ["x"], ["ReduceMean_mean"], axes=[-1]),
    ]
    whole = helper.make_node("Concat", [node.output[0] for node in kinds], ["y"], axis=0)
    shape = [1, 12, 50, 77]
    random = np.random.default_rng(1)
    graph = helper.make_graph(
        [*means, *kinds, whole],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(random.normal(1, 1, 77).astype(np.float32), "scale"),
            numpy_helper.from_array(random.normal(1, 1, 12).astype(np.float32), "gain"),
            numpy_helper.from_array(np.array(shape), "shape"),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.mark.usefixtures("emulator")
def test_activations_norms_and_means_round_alike_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "activations.onnx"
    onnx.save(_activations(), path)
    x = np.random.default_rng(0).normal(0, 3, (1, 12, 50, 77)).astype(np.float32)
    # A root of a negative number is no number on every CPU.
    feeds = [{"x": np.abs(x)}, {"x": x}]
    here, there = run_alone(path, "y", feeds), run_emulated(path, "y", feeds)
    assert len(here) == 24
    np.testing.assert_array_equal(here, there)


def _softmax() -> onnx.ModelProto:
    shape = [12, 50, 50]
    return helper.make_model(
        helper.make_graph(
            [helper.make_node("Softmax", ["x"], ["y"], axis=-1)],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("whole", [False, True], ids=["taken apart", "control: as one operator"])
def test_a_softmax_taken_apart_sums_alike_everywhere(tmp_path: Path, whole: bool) -> None:
    """The control shows the difference only where this machine has what the emulated lacks."""
    if whole and "avx512f" not in flags():
        pytest.skip("CONTROL NOT RUN: this machine has no AVX-512 either")
    path = tmp_path / "softmax.onnx"
    onnx.save(_softmax() if whole else exact_attention(_softmax()), path)
    feeds = [{"x": np.random.default_rng(0).normal(0, 3, (12, 50, 50)).astype(np.float32)}]
    here, there = run_alone(path, "y", feeds), run_emulated(path, "y", feeds)
    np.testing.assert_allclose(here, there, rtol=1e-6)
    assert np.array_equal(here, there) is not whole


def test_a_missing_emulator_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelError, match="qemu-x86_64 is missing: apt-get install"):
        run_emulated(STARTER / "image.int8.onnx", "embedding", [])

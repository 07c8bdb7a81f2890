"""What a pulled ONNX file may not do."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from imgvec.errors import ModelError
from imgvec_models.graphs.apart import write_apart
from imgvec_models.graphs.load import OURS, load
from tests.support.models.small_clip import small_tower

Spoil = Callable[[onnx.ModelProto], None]


def _add_node(domain: str) -> Spoil:
    def spoil(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("Anything", [], ["x"], domain=domain))

    return spoil


def _add_node_in_branch(model: onnx.ModelProto) -> None:
    inner = helper.make_graph(
        [helper.make_node("Anything", [], ["x"], domain="evil.example")], "branch", [], []
    )
    model.graph.node.append(
        helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    )


def _point_outside(tensor: TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")


def _external_weight(model: onnx.ModelProto) -> None:
    _point_outside(model.graph.initializer[0])


def _external_constant(model: onnx.ModelProto) -> None:
    node = next(node for node in model.graph.node if node.op_type == "Constant")
    _point_outside(node.attribute[0].t)


def _external_sparse(model: onnx.ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.external_data.add(key="location", value="/etc/passwd")


def _own_function(model: onnx.ModelProto) -> None:
    model.functions.add(name="MatMul")


def _old_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 9


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (_add_node("evil.example"), "domain 'evil.example'"),
        (_add_node("com.microsoft"), "domain 'com.microsoft'"),
        (_add_node_in_branch, "domain 'evil.example'"),
        (_external_weight, "another file"),
        (_external_constant, "another file"),
        (_external_sparse, "another file"),
        (_own_function, "operators of its own"),
        (_old_opset, "opset 9"),
    ],
    ids=[
        "foreign domain",
        "our domain in a pulled file",
        "foreign domain in a branch",
        "external weight",
        "external constant",
        "external sparse weight",
        "functions",
        "old opset",
    ],
)
def test_a_spoilt_file_is_refused(tmp_path: Path, spoil: Spoil, word: str) -> None:
    model = small_tower("image")
    spoil(model)
    (tmp_path / "image.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=word):
        load(tmp_path, "image.onnx")


def test_declared_domains_that_no_node_uses_are_ignored(tmp_path: Path) -> None:
    model = small_tower("image")
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 5))
    model.opset_import.append(helper.make_opsetid("evil.example", 1))
    (tmp_path / "image.onnx").write_bytes(model.SerializeToString())
    assert load(tmp_path, "image.onnx").graph.node


def test_our_own_builds_may_use_our_domain(tmp_path: Path) -> None:
    model = small_tower("image")
    _add_node("com.microsoft")(model)
    (tmp_path / "image.onnx").write_bytes(model.SerializeToString())
    assert load(tmp_path, "image.onnx", OURS).graph.node


def test_our_own_builds_keep_weights_in_the_one_file_that_is_theirs(tmp_path: Path) -> None:
    path = tmp_path / "image.onnx"
    onnx.save(small_tower("image"), path, save_as_external_data=True, location="image.onnx.data")
    assert load(tmp_path, path.name, OURS, "image.onnx.data").graph.node
    for other in (None, "text.onnx.data"):
        with pytest.raises(ModelError, match="keeps weights in another file"):
            load(tmp_path, path.name, OURS, other)


@pytest.mark.parametrize(
    "content", [b"", b"<html>404</html>", b"\xff" * 40], ids=["empty", "a page", "noise"]
)
def test_what_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "image.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="no ONNX file"):
        load(tmp_path, "image.onnx")


@pytest.mark.parametrize("path", ["../outside.onnx", "link.onnx"], ids=["dots", "link"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside.onnx").write_bytes(small_tower("image").SerializeToString())
    folder = tmp_path / "pulled"
    folder.mkdir()
    (folder / "link.onnx").symlink_to(tmp_path / "outside.onnx")
    with pytest.raises(ModelError, match="outside"):
        load(folder, path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"image\.onnx is missing"):
        load(tmp_path, "image.onnx")


def _with_data(folder: Path) -> onnx.ModelProto:
    """Write a tower whose weights lie beside it, as large exports have them; gives it whole."""
    whole = small_tower("image")
    write_apart(whole, folder)
    return whole


def test_data_that_a_recipe_names_is_read(tmp_path: Path) -> None:
    whole = _with_data(tmp_path)
    read = load(tmp_path, "model.onnx", data=["model.onnx.data"])
    assert read.graph.initializer == whole.graph.initializer


def test_data_in_another_file_than_the_recipe_names_is_rejected(tmp_path: Path) -> None:
    _with_data(tmp_path)
    (tmp_path / "other").write_bytes(b"")
    for data in ([], ["other"]):
        with pytest.raises(ModelError, match="keeps weights in another file"):
            load(tmp_path, "model.onnx", data=data)


def test_data_behind_a_link_that_leaves_the_folder_is_rejected(tmp_path: Path) -> None:
    folder = tmp_path / "pulled"
    folder.mkdir()
    _with_data(folder)
    (folder / "model.onnx.data").rename(tmp_path / "secret")
    (folder / "model.onnx.data").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match="lies outside"):
        load(folder, "model.onnx", data=["model.onnx.data"])


def test_data_that_is_cut_is_rejected(tmp_path: Path) -> None:
    _with_data(tmp_path)
    data = tmp_path / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:5000])
    with pytest.raises(ModelError, match="do not fit: pull both again"):
        load(tmp_path, "model.onnx", data=["model.onnx.data"])

"""Weights in a file of their own: the same vectors, and no altered file gives any."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from imgvec.encoders.integrity import bake, read_manifest, verified_graph
from imgvec.encoders.manifest import File, GraphFile
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError
from imgvec.types import Pixels
from imgvec_models.build.tower import weights_of
from imgvec_models.hub.files import measure
from tests.support.models.damaged_files import Damage, assert_refused, flip_a_bit, remove, truncate

Rewrite = Callable[[Path, Callable[[dict[str, Any]], None]], None]

GRAPHS = {"image": "image.int8.onnx", "text": "text.int8.onnx"}


@pytest.fixture
def apart(copy: Path, rewrite: Rewrite) -> Path:
    """The starter, its weights beside its graphs."""
    files = {}
    for role, name in GRAPHS.items():
        path, weights = copy / name, weights_of(copy / name)
        model = onnx.load(path)
        path.unlink()
        onnx.save(model, path, save_as_external_data=True, location=weights.name)
        files[role] = _entry(path) | {"weights": _entry(weights)}
    rewrite(copy, lambda content: content["files"].update(files))
    return copy


def _entry(path: Path) -> dict[str, object]:
    found = measure(path)
    return File(path=path.name, size=found.size, sha256=found.sha256).model_dump()


@pytest.mark.parametrize("baked", [False, True], ids=["anywhere", "in an image"])
def test_the_vectors_are_those_of_one_file(
    apart: Path, encoder: OnnxEncoder, pictures: dict[str, Pixels], baked: bool
) -> None:
    if baked:
        bake(apart)
    found = OnnxEncoder(apart)
    assert found.revision != encoder.revision
    for pixels in pictures.values():
        ours, theirs = (one.encode_image(pixels, 1024) for one in (found, encoder))
        assert ours.tobytes() == theirs.tobytes()
    (ours, _), (theirs, _) = (one.encode_text("a cat", 1024) for one in (found, encoder))
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("role", GRAPHS)
@pytest.mark.parametrize("damage", [flip_a_bit, truncate, remove])
def test_damaged_weights_stop_the_start(apart: Path, role: str, damage: Damage) -> None:
    path = weights_of(apart / GRAPHS[role])
    assert_refused(path, damage(path))


def test_weights_that_an_image_s_build_did_not_verify_stop_the_start(apart: Path) -> None:
    bake(apart)
    recorded = apart / "verified.json"
    recorded.write_text(recorded.read_text().replace(".onnx.data", ".onnx.other"))
    with pytest.raises(ModelError, match=r"\.onnx\.data is altered"):
        OnnxEncoder(apart)


def test_weights_that_are_exchanged_while_a_graph_is_opened_stop_the_start(
    apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exchanged(folder: Path, file: GraphFile) -> bytes | Path:
        graph = verified_graph(folder, file)
        flip_a_bit(weights_of(folder / file.path))
        return graph

    monkeypatch.setattr("imgvec.encoders.graph.verified_graph", exchanged)
    with pytest.raises(ModelError, match=r"image\.int8\.onnx\.data is altered \(SHA-256"):
        OnnxEncoder(apart)


@pytest.mark.parametrize("name", ["image.int8.onnx.data", "blob"])
def test_weights_may_be_linked_under_their_name(apart: Path, name: str) -> None:
    """As some stores lay out what they mount; ONNX Runtime alone would follow neither."""
    path = weights_of(apart / GRAPHS["image"])
    (apart / "elsewhere").mkdir()
    path.rename(apart / "elsewhere" / name)
    path.symlink_to(apart / "elsewhere" / name)
    if name == path.name:
        assert OnnxEncoder(apart).dimensions
    else:
        with pytest.raises(ModelError) as refused:
            OnnxEncoder(apart)
        assert str(refused.value) == (
            f"{path} is a link to a file of another name: put the file itself there"
        )


def test_weights_that_the_manifest_does_not_name_are_not_used(
    apart: Path, rewrite: Rewrite
) -> None:
    files = {role: _entry(apart / name) for role, name in GRAPHS.items()}
    rewrite(apart, lambda content: content["files"].update(files))
    with pytest.raises(ModelError, match=r"image\.int8\.onnx cannot be run by onnxruntime"):
        OnnxEncoder(apart)


@pytest.mark.parametrize("role", GRAPHS)
def test_weights_decide_the_revision(apart: Path, role: str) -> None:
    manifest = read_manifest(apart)
    graph: GraphFile = getattr(manifest.files, role)
    assert graph.weights is not None
    other = graph.weights.model_copy(update={"sha256": "0" * 64})
    files = manifest.files.model_copy(update={role: graph.model_copy(update={"weights": other})})
    assert manifest.model_copy(update={"files": files}).revision != manifest.revision

"""Which encoders there are, and which of them serves a space."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgvec.encoders import registry
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import available, find_folders, load_encoders, shipped_folder
from imgvec.errors import ModelError
from imgvec.settings import Provider, Settings

Rewrite = Callable[[Path, Callable[[dict[str, Any]], None]], None]


@pytest.fixture
def folder(copy: Path, rewrite: Rewrite) -> Path:
    """Two encoders: the starter, and one that gives 512 dimensions only."""

    def narrow(content: dict[str, Any]) -> None:
        content["name"] = "narrow"
        content["spaces"] = [{"dimensions": 512, "output": "embedding"}]

    other = copy.parent / "narrow"
    shutil.copytree(copy, other, symlinks=True)
    rewrite(other, narrow)
    (copy.parent / "notes").mkdir()
    (copy.parent / "README.md").write_text("no encoder")
    return copy.parent


def test_a_wheel_has_the_encoders_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "imgvec"
    (package / "_models").mkdir(parents=True)
    monkeypatch.setattr(registry, "PACKAGE", package)
    assert shipped_folder() == package / "_models"


def test_a_checkout_has_the_encoders_beside_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "PACKAGE", tmp_path / "layers" / "core" / "imgvec")
    assert shipped_folder() == tmp_path / "models"


def test_what_ships_can_be_loaded(tmp_path: Path) -> None:
    assert "starter" in [manifest.name for manifest in available(tmp_path / "absent")]
    assert [encoder.name for encoder in load_encoders(Settings())] == ["starter"]


def test_every_folder_with_a_manifest_is_available(folder: Path) -> None:
    assert [manifest.name for manifest in available(folder)] == ["narrow", "starter"]


def test_what_was_built_stands_beside_what_ships(folder: Path) -> None:
    shutil.rmtree(folder / "starter")
    assert [manifest.name for manifest in available(folder)] == ["narrow", "starter"]
    assert find_folders(folder) == {
        "narrow": folder / "narrow",
        "starter": shipped_folder() / "starter",
    }


def test_what_was_built_comes_before_what_ships(folder: Path) -> None:
    assert find_folders(folder)["starter"] == folder / "starter"


def test_a_folder_that_is_not_there_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "PACKAGE", tmp_path / "layers" / "core" / "imgvec")
    assert available(tmp_path / "absent") == []


def test_a_broken_manifest_is_not_passed_over(folder: Path) -> None:
    (folder / "narrow" / "manifest.json").write_text("{}")
    with pytest.raises(ModelError, match=r"narrow.manifest\.json is broken"):
        available(folder)


def test_a_broken_encoder_does_not_stop_another(folder: Path) -> None:
    (folder / "narrow" / "manifest.json").write_text("{}")
    assert [one.name for one in load_encoders(Settings(models=folder))] == ["starter"]


@pytest.mark.parametrize(
    ("preference", "serves_512"),
    [(("starter", "narrow"), "starter"), (("narrow", "starter"), "narrow")],
)
def test_the_first_encoder_of_a_width_serves_it(
    folder: Path, preference: tuple[str, ...], serves_512: str
) -> None:
    encoders = load_encoders(Settings(models=folder, encoders=preference))
    assert tuple(encoder.name for encoder in encoders) == preference
    names = {}
    for dimensions in (512, 768, 1024):
        encoder = encoders.for_dimensions(dimensions)
        assert encoder is not None
        names[dimensions] = encoder.name
    assert names == {512: serves_512, 768: "starter", 1024: "starter"}
    assert encoders.for_dimensions(640) is None


def test_dimensions_are_never_taken_from_a_wider_space(folder: Path) -> None:
    encoders = load_encoders(Settings(models=folder, encoders=("narrow",)))
    assert encoders.for_dimensions(768) is None
    assert encoders.for_dimensions(256) is None


@pytest.mark.parametrize("name", ["clip-vit-b32", "../starter", "notes", "Starter"])
def test_an_unknown_encoder_is_named_with_those_that_are_there(folder: Path, name: str) -> None:
    with pytest.raises(ModelError) as problem:
        load_encoders(Settings(models=folder, encoders=("starter", name)))
    assert str(problem.value) == (
        f"IMGVEC_ENCODERS names {name}, which is not in {folder}; there are: narrow, starter. "
        f"To add it: `imgvec models pull {name}`, then `imgvec models build {name}`"
    )


def test_an_empty_folder_is_said_to_be_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "PACKAGE", tmp_path / "layers" / "core" / "imgvec")
    with pytest.raises(ModelError, match=r"names starter, .*; there are: none"):
        load_encoders(Settings(models=tmp_path))


def test_no_encoder_is_put_in_the_place_of_a_damaged_one(folder: Path) -> None:
    (folder / "narrow" / "image.int8.onnx").unlink()
    with pytest.raises(ModelError, match=r"narrow.image\.int8\.onnx is missing"):
        load_encoders(Settings(models=folder, encoders=("narrow", "starter")))


def test_threads_are_those_of_the_setting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    def load(where: Path, threads: int, provider: Provider) -> OnnxEncoder:
        given.append(threads)
        return OnnxEncoder(where, threads, provider)

    monkeypatch.setattr(registry, "OnnxEncoder", load)
    load_encoders(Settings(models=folder, threads=2))
    assert given == [2]

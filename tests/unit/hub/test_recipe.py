"""Recipes: what they must say, and which one is meant by a name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgvec.errors import ModelError
from imgvec_models.hub.recipe import (
    SHIPPED,
    Received,
    find_recipe,
    pinned,
    read_recipe,
    recipe_paths,
    write_recipe,
)

Content = dict[str, Any]
SHA = "0123456789abcdef" * 4


@pytest.fixture
def content() -> Content:
    """The recipe of B/32, as parsed JSON."""
    parsed: Content = json.loads((SHIPPED / "clip-vit-b32.json").read_text())
    return parsed


PINNED = {"clip-vit-b32", "clip-vit-b32-laion2b", "clip-vit-b32-small", "clip-vit-l14"}
UNPINNED = {"clip-xlmr-b32", "mobileclip2-s2", "siglip2-b16", "siglip2-l16"}


def test_the_shipped_recipes_are_files_of_commits_pinned_or_not() -> None:
    assert set(recipe_paths(Path("absent"))) == PINNED | UNPINNED
    for name, path in recipe_paths(Path("absent")).items():
        recipe = read_recipe(path)
        assert recipe.unpinned == ([] if name in PINNED else list(recipe.files))
        assert recipe.native.joint == min(recipe.spaces)
        assert not recipe.proven
        for file in recipe.files.values():
            assert (file.revision is not None) == (name in PINNED)


def test_the_licence_of_research_has_terms() -> None:
    terms = {name for name in PINNED | UNPINNED if find_recipe(Path("absent"), name).terms}
    assert terms == {"mobileclip2-s2"}


def test_the_digests_are_those_that_other_projects_pin_too() -> None:
    b32 = find_recipe(Path("absent"), "clip-vit-b32")
    image, text = b32.files["image"], b32.files["text"]
    assert (image.size, image.sha256) == (
        351_686_194,
        "c68d3d9a200ddd2a8c8a5510b576d4c94d1ae383bf8b36dd8c084f94e1fb4d63",
    )
    assert (text.size, text.sha256) == (
        254_102_519,
        "4dbe762b11e36488304471e439cde89da053ad7acaddbf9e096745d142ec8d8b",
    )
    laion = find_recipe(Path("absent"), "clip-vit-b32-laion2b")
    image, text = laion.files["image"], laion.files["text"]
    assert (image.size, image.sha256) == (
        351_613_724,
        "b9ce24b91a8c62ef8d40ea786051709c93140104cbf2b6b4a2cc270df3838f9c",
    )
    assert (text.size, text.sha256) == (
        254_193_396,
        "48c25be37b352398f2533c9426dab6f9340535e14e46f884cc894236a5060722",
    )
    l14 = find_recipe(Path("absent"), "clip-vit-l14")
    image, text = l14.files["image"], l14.files["text"]
    assert (image.size, image.sha256) == (
        1_216_297_719,
        "2b02d572f59c509f4b97b9c54a868453cca1a652cd5d60e1d51d0052f055cb8c",
    )
    assert (text.size, text.sha256) == (
        495_082_255,
        "9fbe72ea8d36c2effaccedcf7249e3729ad0d9b4af6604b433ecdd0105663c9c",
    )


def put(value: object, *steps: str) -> Callable[[Content], None]:
    """Set one field."""

    def change(content: Content) -> None:
        for step in steps[:-1]:
            content = content[step]
        content[steps[-1]] = value

    return change


def move_data(content: Content) -> None:
    text = content["files"]["text"]
    text["path"] = "textual/model.onnx"
    text["data"] = [{"path": "visual/data", "size": None, "sha256": None}]


def drop_tokenizer(content: Content) -> None:
    del content["files"]["tokenizer"]


def rename_tower(content: Content) -> None:
    content["files"]["archive"] = content["files"].pop("image")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("main", "files", "image", "revision"), "files.image.revision"),
        (put("e0c24ed", "files", "image", "revision"), "files.image.revision"),
        (put("../model.onnx", "files", "image", "path"), "files.image.path"),
        (put("/model.onnx", "files", "image", "path"), "files.image.path"),
        (put("https://host/x", "files", "image", "address"), "files.image.address"),
        (put("abc", "files", "image", "sha256"), "files.image.sha256"),
        (put(0, "files", "image", "size"), "files.image.size"),
        (put({}, "files"), "files must be image, text and tokenizer"),
        (rename_tower, "files.archive"),
        (drop_tokenizer, "files must be image, text and tokenizer, or image alone"),
        (put(None, "text"), "files must be image, text and tokenizer, or image alone"),
        (put({"image": "image_embeds"}, "embeddings"), "files must be image, text and tokenizer"),
        (
            move_data,
            "files.text: external data lies in the folder of its graph",
        ),
        (put([], "spaces"), "spaces"),
        (put(True, "trust_remote_code"), "trust_remote_code"),
    ],
)
def test_a_wrong_recipe_is_refused_by_field(
    content: Content, tmp_path: Path, change: Callable[[Content], None], told: str
) -> None:
    change(content)
    path = tmp_path / "clip-vit-b32.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError) as problem:
        read_recipe(path)
    assert str(problem.value).startswith(f"{path} is broken (")
    assert told in str(problem.value)


def test_a_recipe_has_the_name_of_its_file(content: Content, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"is for clip-vit-b32: rename it to clip-vit-b32\.json"):
        read_recipe(tmp_path / "mine.json")


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"mine\.json is missing or unreadable"):
        read_recipe(tmp_path / "mine.json")


@pytest.mark.parametrize("name", ["nothing", "../clip-vit-b32", "", "clip-vit-b32.json"])
def test_an_unknown_name_is_told_with_those_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="there are: clip-vit-b32, clip-vit-b32-laion2b"):
        find_recipe(tmp_path, name)


def test_an_operator_s_recipe_comes_before_the_shipped(content: Content, tmp_path: Path) -> None:
    assert find_recipe(tmp_path, "clip-vit-b32").title == content["title"]
    (tmp_path / "recipes").mkdir()
    content["title"] = "mine"
    (tmp_path / "recipes" / "clip-vit-b32.json").write_text(json.dumps(content))
    assert find_recipe(tmp_path, "clip-vit-b32").title == "mine"


def test_what_is_pinned_is_read_back(content: Content, tmp_path: Path) -> None:
    content["name"] = "mine"
    for file in content["files"].values():
        file["sha256"] = file["size"] = None
    path = tmp_path / "recipes" / "mine.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    recipe = find_recipe(tmp_path, "mine")
    assert recipe.unpinned == ["image", "text", "tokenizer", "preprocessor"]
    written = write_recipe(
        pinned(recipe, {role: Received(5, SHA) for role in recipe.files}), tmp_path
    )
    assert written == path
    after = find_recipe(tmp_path, "mine")
    assert after.unpinned == []
    assert {(file.size, file.sha256) for file in after.files.values()} == {(5, SHA)}
    for file in content["files"].values():
        file |= {"sha256": SHA, "size": 5}
    assert json.loads(path.read_text()) == content

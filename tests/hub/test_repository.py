"""Repositories in immich's layout: pulled by OWNER/REPO, pinned, verified, built."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from imgvec.errors import ModelError
from imgvec_models.hub.build import Demands, build
from imgvec_models.hub.derive import derive, is_repository
from imgvec_models.hub.files import pulled_folder
from imgvec_models.hub.pull import pull, source_of
from imgvec_models.hub.recipe import Recipe, find_recipe, pinned, read_recipe, recipe_name
from tests.support.models.hub_layout import COMMIT, REPOSITORY, Layout, offer_layout, small_layout
from tests.support.models.local_hub import LocalHub, serving
from tests.support.server.places import imgvec

NAME = "small-clip-random"
OTHER = COMMIT[::-1]


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """A hub without files."""
    with serving() as hub:
        yield hub


@pytest.fixture
def layout() -> Layout:
    return small_layout()


def derived(hub: LocalHub, models: Path) -> Recipe:
    return derive(REPOSITORY, NAME, models, source_of(hub.address, None), lambda line: None)


def pulled(hub: LocalHub, models: Path) -> None:
    """Derive and pull, as `imgvec models pull OWNER/REPO` does."""
    recipe = derived(hub, models)
    pull(recipe, models, source_of(hub.address, None), lambda line: None)


def fails(hub: LocalHub, layout: Layout, models: Path) -> str:
    """The sentence, of one line; no recipe is written."""
    offer_layout(hub, layout)
    with pytest.raises(ModelError) as problem:
        derived(hub, models)
    assert not list(models.glob("recipes/*"))
    assert "\n" not in str(problem.value)
    return str(problem.value)


def test_a_repository_becomes_a_recipe(hub: LocalHub, layout: Layout, tmp_path: Path) -> None:
    offer_layout(hub, layout)
    hub.licences[REPOSITORY] = "mit"
    recipe = derived(hub, tmp_path)
    assert recipe == read_recipe(tmp_path / "recipes" / f"{NAME}.json")
    assert recipe.title == "Small-CLIP__random of someone"
    assert (recipe.licence, recipe.terms, recipe.proven) == ("mit", None, False)
    assert recipe.unpinned == ["image", "text", "tokenizer"]
    assert recipe.preprocessing.model_dump() == {
        "version": 2,
        "size": 32,
        "resize": "bicubic",
        "crop": "none",
        "rescale_factor": 1 / 255,
        "image_mean": (0.5, 0.5, 0.5),
        "image_std": (0.5, 0.5, 0.5),
    }
    assert (recipe.image.input, recipe.image.tokens) == ("image", 17)
    assert recipe.text is not None
    assert (recipe.text.ids, recipe.text.mask, recipe.text.pad_token) == ("text", None, "<e>")
    assert (recipe.text.max_tokens, recipe.text.clean) == (16, "whitespace")
    assert recipe.embeddings.model_dump() == {"image": "embedding", "text": "embedding"}
    assert (recipe.native.joint, recipe.native.pooled, recipe.spaces) == (32, 64, (32,))


def put(part: str, *steps: str, value: object) -> Callable[[Layout], None]:
    """Set a field of one of the JSON files."""

    def change(layout: Layout) -> None:
        content = getattr(layout, part)
        for step in steps[:-1]:
            content = content[step]
        content[steps[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("preprocess", "size", value=32), ("size", 32)),
        (put("preprocess", "resize_mode", value="shortest"), ("crop", "centre")),
        (lambda layout: layout.preprocess.pop("resize_mode"), ("crop", "centre")),
        (put("preprocess", "interpolation", value="bilinear"), ("resize", "bilinear")),
        (put("preprocess", "interpolation", value="lanczos"), ("resize", "lanczos")),
        (put("preprocess", "interpolation", value="antialias"), ("resize", "lanczos")),
        (put("preprocess", "mean", value=0), ("image_mean", (0, 0, 0))),
    ],
)
def test_preprocessing_is_open_clip_s(
    hub: LocalHub,
    layout: Layout,
    tmp_path: Path,
    change: Callable[[Layout], None],
    expected: tuple[str, object],
) -> None:
    change(layout)
    offer_layout(hub, layout)
    field, value = expected
    assert getattr(derived(hub, tmp_path).preprocessing, field) == value


def test_texts_are_cleaned_as_the_configuration_says(
    hub: LocalHub, layout: Layout, tmp_path: Path
) -> None:
    layout.config["text_cfg"]["tokenizer_kwargs"] = {"clean": "canonicalize"}
    layout.tokenizer_config["pad_token"] = {"content": "<e>", "lstrip": False}
    offer_layout(hub, layout)
    text = derived(hub, tmp_path).text
    assert text is not None
    assert (text.clean, text.pad_token) == ("canonicalize", "<e>")


def test_a_tower_of_timm_has_no_pooled_features(
    hub: LocalHub, layout: Layout, tmp_path: Path
) -> None:
    layout.config["vision_cfg"] = {"timm_model_name": "vit_base_patch8_siglip_32"}
    offer_layout(hub, layout)
    recipe = derived(hub, tmp_path)
    assert (recipe.native.pooled, recipe.spaces, recipe.image.tokens) == (None, (32,), 16)


def test_without_a_text_tower_it_embeds_images_only(
    hub: LocalHub, layout: Layout, tmp_path: Path
) -> None:
    offer_layout(hub, layout)
    for path in [path for path in hub.files if "/textual/" in path]:
        del hub.files[path]
    recipe = derived(hub, tmp_path)
    assert (set(recipe.files), recipe.text, recipe.embeddings.text) == ({"image"}, None, None)


def renamed(tower: str, old: str, *new: str) -> Callable[[Layout], None]:
    """Rename an input of a graph, and add others."""

    def change(layout: Layout) -> None:
        model = onnx.load_from_string(layout.files[tower])
        (tensor,) = model.graph.input
        assert tensor.name == old
        tensor.name = new[0]
        for node in model.graph.node:
            node.input[:] = [new[0] if name == old else name for name in node.input]
        for name in new[1:]:
            model.graph.input.add().CopyFrom(helper.make_tensor_value_info(name, 7, ["n", "t"]))
        layout.files[tower] = model.SerializeToString()

    return change


@pytest.mark.parametrize(
    ("new", "ids", "mask"),
    [
        (("input_ids", "attention_mask"), "input_ids", "attention_mask"),
        (("input_ids",), "input_ids", None),
    ],
)
def test_inputs_are_those_of_the_graph(
    hub: LocalHub, layout: Layout, tmp_path: Path, new: tuple[str], ids: str, mask: str | None
) -> None:
    renamed("textual/model.onnx", "text", *new)(layout)
    renamed("visual/model.onnx", "image", "pixel_values")(layout)
    offer_layout(hub, layout)
    recipe = derived(hub, tmp_path)
    assert recipe.text is not None
    assert (recipe.text.ids, recipe.text.mask, recipe.image.input) == (ids, mask, "pixel_values")


def second_output(layout: Layout) -> None:
    model = onnx.load_from_string(layout.files["visual/model.onnx"])
    model.graph.output.add().CopyFrom(helper.make_tensor_value_info("other", 1, ["n", 3]))
    layout.files["visual/model.onnx"] = model.SerializeToString()


def absent_data(layout: Layout) -> None:
    layout.files |= with_data(layout)
    del layout.files["visual/model.onnx.data"]


def data_elsewhere(layout: Layout) -> None:
    files = with_data(layout)
    model = onnx.load_from_string(files["visual/model.onnx"])
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../elsewhere"
    layout.files |= {"visual/model.onnx": model.SerializeToString(), "visual/../elsewhere": b"x"}


WRONG: dict[str, tuple[Callable[[Layout], object], str]] = {
    "no graph": (lambda one: one.files.pop("visual/model.onnx"), "it lacks visual/model.onnx"),
    "no tokenizer": (
        lambda one: one.files.pop("textual/tokenizer.json"),
        "it lacks textual/tokenizer.json",
    ),
    "no dimensions": (lambda one: one.config.pop("embed_dim"), "embed_dim: Field required"),
    "no padding": (lambda one: one.tokenizer_config.clear(), "pad_token: Field required"),
    "not square": (put("preprocess", "size", value=[32, 48]), "size: "),
    "no size": (put("preprocess", "size", value=0), "size: "),
    "longest": (put("preprocess", "resize_mode", value="longest"), "resize_mode: "),
    "random": (put("preprocess", "interpolation", value="random"), "interpolation: "),
    "nearest": (put("preprocess", "interpolation", value="nearest"), "interpolation: "),
    "two channels": (put("preprocess", "mean", value=[0.5, 0.5]), "mean"),
    "cleaner": (
        put("config", "text_cfg", "tokenizer_kwargs", value={"clean": "syntax"}),
        "text_cfg.tokenizer_kwargs.clean: ",
    ),
    "tokens changed": (
        put("config", "text_cfg", "tokenizer_kwargs", value={"strip_sep_token": True}),
        "text_cfg.tokenizer_kwargs.strip_sep_token: ",
    ),
    "other size": (
        put("preprocess", "size", value=48),
        "has the shape n x 3 x 32 x 32, and its configuration says n x 3 x 48 x 48",
    ),
    "other length": (
        put("config", "text_cfg", "context_length", value=77),
        "has the shape n x 16, and its configuration says n x 77",
    ),
    "other dimensions": (
        put("config", "embed_dim", value=64),
        "has the shape n x 32, and its configuration says n x 64",
    ),
    "other input": (
        renamed("visual/model.onnx", "image", "x"),
        "image tower of small-clip-random takes x, and image or pixel_values is known",
    ),
    "other text input": (renamed("textual/model.onnx", "text", "text", "y"), "takes text, y, and"),
    "two outputs": (second_output, "gives embedding, other; it must give one embedding"),
    "no ONNX": (put("files", "visual/model.onnx", value=b"no ONNX"), "is no ONNX file"),
    "no JSON": (put("files", "config.json", value=b"{"), "is not a configuration of open_clip"),
    "no object": (
        put("files", "visual/preprocess_cfg.json", value=b"[]"),
        "is not a preprocessing that imgvec knows",
    ),
    "absent data": (
        absent_data,
        "visual/model.onnx keeps weights in visual/model.onnx.data, which someone/",
    ),
    "data elsewhere": (data_elsewhere, "keeps weights in a file whose name leaves its folder"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_not_known_is_one_sentence(
    hub: LocalHub, layout: Layout, tmp_path: Path, kind: str
) -> None:
    change, expected = WRONG[kind]
    change(layout)
    assert expected in fails(hub, layout, tmp_path)


def test_an_unknown_repository_is_one_sentence(hub: LocalHub, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Small-CLIP__random is not at 127\.0\.0\.1 \(404\)"):
        derived(hub, tmp_path)


def test_a_name_of_another_recipe_is_one_sentence(hub: LocalHub, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is a recipe clip-vit-b32 of another repository"):
        derive(
            REPOSITORY, "clip-vit-b32", tmp_path, source_of(hub.address, None), lambda line: None
        )


def test_names_of_repositories() -> None:
    assert is_repository("immich-app/ViT-B-16-SigLIP2__webli")
    for name in ("clip-vit-b32", "../b", "a/../b", "/b", "a/", "a/b/c", "a/.b"):
        assert not is_repository(name)
    assert recipe_name("immich-app/ViT-B-16-SigLIP2__webli") == "vit-b-16-siglip2-webli"
    assert recipe_name("a/ViT-B-32__laion2b_s34b_b79k") == "vit-b-32-laion2b-s34b-b79k"


def test_a_licence_that_is_not_for_every_use_has_terms(
    hub: LocalHub, layout: Layout, tmp_path: Path
) -> None:
    offer_layout(hub, layout)
    assert derived(hub, tmp_path).terms == (
        f"{REPOSITORY} states no licence: find out which it is before you use it"
    )
    hub.licences[REPOSITORY] = "apple-amlr"
    assert derived(hub, tmp_path / "again").terms == (
        f"The licence of {REPOSITORY} is apple-amlr: read what it allows before you use it"
    )


def test_all_files_come_from_one_commit_after_an_interruption_too(
    hub: LocalHub, layout: Layout, tmp_path: Path
) -> None:
    """The second pull finds the commit that the first one began with, and so does pin."""
    offer_layout(hub, layout)
    pulled(hub, tmp_path)
    (pulled_folder(tmp_path, NAME) / "tokenizer.json").unlink()
    offer_layout(hub, layout, OTHER)
    recipe = derived(hub, tmp_path)
    received = pull(recipe, tmp_path, source_of(hub.address, None), lambda line: None)
    assert {one.commit for one in received.values()} == {COMMIT}
    assert {file.revision for file in pinned(recipe, received).files.values()} == {COMMIT}


def test_a_repository_that_was_wrong_is_read_anew(
    hub: LocalHub, layout: Layout, tmp_path: Path
) -> None:
    tokenizer = layout.files.pop("textual/tokenizer.json")
    assert "it lacks textual/tokenizer.json" in fails(hub, layout, tmp_path)
    layout.files["textual/tokenizer.json"] = tokenizer
    offer_layout(hub, layout, OTHER)
    pulled(hub, tmp_path)
    assert all(f"/resolve/{OTHER}/" in path for path, _ in hub.asked)


def with_data(layout: Layout) -> dict[str, bytes]:
    """The image graph with its large weights in a file beside it."""
    model = onnx.load_from_string(layout.files["visual/model.onnx"])
    data = bytearray()
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) > 1000:
            place = {"location": "model.onnx.data", "offset": len(data)}
            data += tensor.raw_data
            for key, value in {**place, "length": len(tensor.raw_data)}.items():
                tensor.external_data.add(key=key, value=str(value))
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.ClearField("raw_data")
    assert data, "positive control"
    graph = model.SerializeToString()
    return {"visual/model.onnx": graph, "visual/model.onnx.data": bytes(data)}


def test_external_data_lies_beside_its_graph_and_is_pinned(
    hub: LocalHub, layout: Layout, tmp_path: Path
) -> None:
    layout.files |= with_data(layout)
    offer_layout(hub, layout)
    recipe = derived(hub, tmp_path)
    received = pull(recipe, tmp_path, source_of(hub.address, None), lambda line: None)
    folder = pulled_folder(tmp_path, NAME)
    assert recipe.local_path("image") == "image/model.onnx"
    assert not (folder / "image.onnx").exists()
    onnx.load(folder / "image" / "model.onnx")
    (data,) = recipe.files["image"].data
    assert (data.path, data.sha256) == ("visual/model.onnx.data", None)
    whole = pinned(recipe, received)
    (data,) = whole.files["image"].data
    assert data.size == len(layout.files["visual/model.onnx.data"])
    assert whole.unpinned == []
    unpinned = data.model_copy(update={"sha256": None})
    image = whole.files["image"].model_copy(update={"data": (unpinned,)})
    part = whole.model_copy(update={"files": {**whole.files, "image": image}})
    assert part.unpinned == ["image"]
    with pytest.raises(ModelError, match="image of small-clip-random is not pinned"):
        build(part, tmp_path, Demands(), lambda line: None)


@pytest.mark.parametrize("first", ["pull", "pin"])
def test_a_recipe_that_is_not_pinned_gets_the_data_files_of_its_graphs(
    hub: LocalHub, layout: Layout, tmp_path: Path, environment: dict[str, str], first: str
) -> None:
    """As for `siglip2-l16`, of which only the repository knows the files of weights."""
    offer_layout(hub, layout)
    recipe = derived(hub, tmp_path)
    shutil.rmtree(pulled_folder(tmp_path, NAME))
    layout.files |= with_data(layout)
    offer_layout(hub, layout)
    assert recipe.files["image"].data == ()
    for command in dict.fromkeys([first, "pin", "build", "verify"]):
        done = imgvec("models", command, NAME, environment=environment)
        assert done.returncode == 0, done.stderr
    whole = find_recipe(tmp_path, NAME)
    assert [file.path for file in whole.files["image"].data] == ["visual/model.onnx.data"]
    assert whole.unpinned == []
    assert not (pulled_folder(tmp_path, NAME) / "image.onnx").exists()


def test_altered_data_is_found(
    hub: LocalHub, layout: Layout, tmp_path: Path, environment: dict[str, str]
) -> None:
    layout.files |= with_data(layout)
    offer_layout(hub, layout)
    assert imgvec("models", "pull", REPOSITORY, environment=environment).returncode == 0
    assert imgvec("models", "pin", NAME, environment=environment).returncode == 0
    assert imgvec("models", "verify", NAME, environment=environment).returncode == 0
    data = pulled_folder(tmp_path, NAME) / "image" / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:-1] + b"x")
    verified = imgvec("models", "verify", NAME, environment=environment)
    assert verified.returncode == 1
    assert f"pulled image/model.onnx.data: {data} has the wrong SHA-256" in verified.stdout
    built = imgvec("models", "build", NAME, environment=environment)
    assert f"{data} is missing or not as the recipe says: pull it with" in built.stderr
    assert imgvec("models", "pull", NAME, environment=environment).returncode == 0
    assert imgvec("models", "build", NAME, environment=environment).returncode == 0


@pytest.fixture
def environment(hub: LocalHub, tmp_path: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("IMGVEC_")}
    return {**own, "IMGVEC_MODELS": str(tmp_path), "IMGVEC_HUB": hub.address}


def test_from_a_folder_nothing_goes_over_the_network(
    hub: LocalHub, layout: Layout, tmp_path: Path, environment: dict[str, str]
) -> None:
    source = tmp_path / "carried"
    for path, data in layout.written().items():
        (source / REPOSITORY / path).parent.mkdir(parents=True, exist_ok=True)
        (source / REPOSITORY / path).write_bytes(data)
    away = {**environment, "IMGVEC_HUB": "http://hub.invalid"}
    done = imgvec("models", "pull", REPOSITORY, "--from", str(source), environment=away)
    assert done.returncode == 0, done.stderr
    done = imgvec("models", "pin", NAME, environment=away)
    assert done.returncode == 0, done.stderr
    recipe = find_recipe(tmp_path, NAME)
    assert recipe.unpinned == []
    assert {file.revision for file in recipe.files.values()} == {None}
    assert imgvec("models", "verify", NAME, environment=away).returncode == 0


def test_from_the_hub_to_a_build(
    hub: LocalHub, layout: Layout, tmp_path: Path, environment: dict[str, str]
) -> None:
    offer_layout(hub, layout)
    done = imgvec("models", "pull", REPOSITORY, "--name", "mine", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "states no licence" in done.stderr
    assert done.stdout.count("unpinned\n") == 3
    unpinned = imgvec("models", "build", "mine", environment=environment)
    assert "not pinned: `imgvec models pin mine` writes" in unpinned.stderr
    done = imgvec("models", "pin", "mine", environment=environment)
    assert done.stdout.count(f"commit {COMMIT}\n") == 3
    assert done.stdout.count("pinned now\n") == 3
    done = imgvec("models", "build", "mine", environment=environment)
    assert done.returncode == 0, done.stderr
    assert imgvec("models", "verify", "mine", environment=environment).returncode == 0
    manifest = json.loads((tmp_path / "mine" / "manifest.json").read_text())
    assert {source["revision"] for source in manifest["sources"]} == {COMMIT}
    assert np.array_equal(manifest["preprocessing"]["image_mean"], [0.5, 0.5, 0.5])


def test_info_shows_the_recipe_and_the_build(
    hub: LocalHub, layout: Layout, tmp_path: Path, environment: dict[str, str]
) -> None:
    offer_layout(hub, layout)
    imgvec("models", "pull", REPOSITORY, environment=environment)
    shown = imgvec("models", "info", NAME, environment=environment).stdout.splitlines()
    assert [line.split(maxsplit=1)[0] for line in shown] == [
        f"{NAME}:",
        *["licence", "terms", "state", "proven", "source", "pinned", "image", "text", "dimensions"],
    ]
    assert f"source        {REPOSITORY} at its newest commit" in shown
    assert "pinned        no: image, text, tokenizer" in shown
    assert "text          16 tokens, padded with <e>, cleaned (whitespace)" in shown
    imgvec("models", "pin", NAME, environment=environment)
    imgvec("models", "build", NAME, environment=environment)
    shown = imgvec("models", "info", NAME, environment=environment).stdout.splitlines()
    assert "state         built" in shown
    assert f"source        {REPOSITORY} at {COMMIT}" in shown
    assert "pinned        yes" in shown
    assert any(re.fullmatch(r"image tower +\d+\.\d MB, .+", line) for line in shown)
    whole = json.loads(imgvec("models", "info", NAME, "--json", environment=environment).stdout)
    manifest = json.loads((tmp_path / NAME / "manifest.json").read_text())
    assert whole["towers"].keys() == {"image", "text"}
    assert whole["preprocessing"] == manifest["preprocessing"]
    assert (whole["joint"], whole["dimensions"], whole["proven"]) == (32, [32], False)


def test_states_of_what_is_not_built(
    hub: LocalHub, layout: Layout, tmp_path: Path, environment: dict[str, str]
) -> None:
    offer_layout(hub, layout)
    recipe = derived(hub, tmp_path)

    def state() -> str:
        listed = imgvec("models", "list", "--json", environment=environment)
        return str(next(row["state"] for row in json.loads(listed.stdout) if row["name"] == NAME))

    assert state() == "pulled"
    (pulled_folder(tmp_path, NAME) / recipe.local_path("tokenizer")).unlink()
    assert state() == "not pulled"


def test_an_export_is_in_no_hub(environment: dict[str, str]) -> None:
    done = imgvec("models", "pull", "mobileclip2-s2", environment=environment)
    assert done.returncode == 2
    assert done.stderr == (
        "Apple's licence allows MobileCLIP 2 for research only: "
        "https://huggingface.co/apple/MobileCLIP2-S2/blob/main/LICENSE\n"
        "imgvec: open_clip/MobileCLIP2-S2__dfndr2b is no repository of a hub: `imgvec models "
        "export open_clip:MobileCLIP2-S2/dfndr2b` writes it, and the line that it prints pulls it\n"
    )


@pytest.mark.parametrize("name", ["ViT-B-32", "open_clip:", "open_clip:ViT-B-32", "hub:a/b"])
def test_a_wrong_name_of_an_export_is_one_sentence(environment: dict[str, str], name: str) -> None:
    done = imgvec("models", "export", name, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"imgvec: {name!a} names no model: write open_clip:MODEL/")


def test_an_export_without_its_extra_is_one_sentence(environment: dict[str, str]) -> None:
    done = imgvec("models", "export", "open_clip:ViT-B-32/", environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: This needs open_clip, which a server is installed without: "
        "pip install 'imgvec[export]'\n"
    )

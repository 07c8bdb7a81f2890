"""The manifest: what it refuses, in which words, and what its revision is taken over."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.manifest import Manifest
from imgvec.errors import ModelError

Content = dict[str, Any]
Change = Callable[[Content], None]

STARTER_REVISION = "5e67396206b52c93cf9aeeb9b3acbc32ae54ce87cf1d521f56af4ae3f63dbbfe"


IMAGE = ("files", "image", "path")
DIGEST = ("files", "text", "sha256")
MEAN = ("preprocessing", "image_mean", 0)
STD = ("preprocessing", "image_std")


def put(value: object, *steps: str | int) -> Change:
    """A change that sets one field."""

    def change(content: Content) -> None:
        part: Any = content
        for step in steps[:-1]:
            part = part[step]
        part[steps[-1]] = value

    return change


def drop(*steps: str | int) -> Change:
    """A change that removes one field."""

    def change(content: Content) -> None:
        part: Any = content
        for step in steps[:-1]:
            part = part[step]
        del part[steps[-1]]

    return change


def test_the_shipped_manifest_says_what_the_encoder_is(starter: Path) -> None:
    manifest = read_manifest(starter)
    assert manifest.name == "starter"
    assert [(space.dimensions, space.output) for space in manifest.spaces] == [
        (1024, "embedding"),
        (768, "embedding"),
        (512, "embedding"),
    ]
    assert manifest.nested
    assert manifest.image.tokens == 9 * 9
    assert manifest.text is not None
    assert manifest.text.max_tokens == 64
    assert manifest.preprocessing.image_mean == (127.0, 127.0, 127.0)


def test_the_starter_revision_is_pinned(starter: Path) -> None:
    """Whoever changes it changes every stored vector, and writes that into the changelog."""
    assert read_manifest(starter).revision == STARTER_REVISION


def test_the_revision_follows_its_documented_formula() -> None:
    written_by_hand = (
        '{"files":{'
        '"image":{"sha256":"dc0c8074cc0791734ba317670fe84d254cfb9130186545353251a15d9d4eff17"},'
        '"text":{"sha256":"7b52ff6a73b0964571dd7e2a0581540d6c0c0acf66a316974ff738477a579a3f"},'
        '"tokenizer":{"sha256":"d4bac2fa7a30313660104ffd7af6028e95a9ac88434473d0f5d23e8deae2b12b"}},'
        '"nested":true,"outputs":{"embedding":1024},'
        '"preprocessing":{"crop":"centre","image_mean":[127.0,127.0,127.0],'
        '"image_std":[128.0,128.0,128.0],"rescale_factor":1.0,"resize":"bicubic","size":260,'
        '"version":2},'
        '"spaces":[{"dimensions":1024,"output":"embedding"},{"dimensions":768,"output":"embedding"},'
        '{"dimensions":512,"output":"embedding"}],'
        '"text":{"ids":"input_ids","mask":"attention_mask","max_characters":8192,"max_tokens":64}}'
    )
    assert hashlib.sha256(written_by_hand.encode()).hexdigest() == STARTER_REVISION


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(put("0" * 64, "files", "image", "sha256"), id="image weights"),
        pytest.param(put("0" * 64, "files", "text", "sha256"), id="text weights"),
        pytest.param(put("0" * 64, "files", "tokenizer", "sha256"), id="tokenizer"),
        pytest.param(put(224, "preprocessing", "size"), id="size"),
        pytest.param(put(1 / 255, "preprocessing", "rescale_factor"), id="rescale factor"),
        pytest.param(put([127, 127, 127.5], "preprocessing", "image_mean"), id="mean"),
        pytest.param(put([128, 128, 127.5], "preprocessing", "image_std"), id="deviation"),
        pytest.param(put(32, "text", "max_tokens"), id="tokens read"),
        pytest.param(put(4096, "text", "max_characters"), id="characters read"),
        pytest.param(put(256, "spaces", 2, "dimensions"), id="a space"),
        pytest.param(put({"embedding": 1024, "pooled": 1280}, "outputs"), id="an output"),
    ],
)
def test_what_decides_a_vector_changes_the_revision(starter: Path, change: Change) -> None:
    assert _changed(starter, change).revision != STARTER_REVISION


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(put("Another title", "title"), id="title"),
        pytest.param(put("MIT", "licence"), id="licence"),
        pytest.param(put("renamed.onnx", "files", "image", "path"), id="name of a file"),
        pytest.param(put("a mirror", "sources", 0, "repository"), id="where it was pulled from"),
    ],
)
def test_what_decides_no_vector_leaves_the_revision(starter: Path, change: Change) -> None:
    assert _changed(starter, change).revision == STARTER_REVISION


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(put(2, "format"), "format: Input should be 1", id="newer format"),
        pytest.param(drop("licence"), "licence: Field required", id="no licence"),
        pytest.param(put("", "licence"), "licence: String should have at", id="empty licence"),
        pytest.param(put([], "sources"), "sources: Tuple should have at least 1", id="no source"),
        pytest.param(drop("sources", 0, "revision"), "sources.0.revision: Field", id="no revision"),
        pytest.param(drop("files", "text"), "tokenizer stand together", id="half a tower"),
        pytest.param(put(1, "colour"), "colour: Extra inputs are not", id="unknown field"),
        pytest.param(
            put(1, "files", "image", "url"), "files.image.url: Extra", id="unknown inside"
        ),
        pytest.param(put("Starter", "name"), "name: String should match", id="upper-case name"),
        pytest.param(put("../starter", "name"), "name: String should match", id="name with a path"),
        pytest.param(put("/etc/passwd", *IMAGE), "files.image.path: String", id="absolute path"),
        pytest.param(put("../image.onnx", *IMAGE), "files.image.path: String", id="path upwards"),
        pytest.param(
            put("a/../../b", *IMAGE), "files.image.path: String", id="path up from inside"
        ),
        pytest.param(put("a//b", *IMAGE), "files.image.path: String", id="empty part of a path"),
        pytest.param(put("a\\..\\b", *IMAGE), "files.image.path: String", id="backslash"),
        pytest.param(put("a/", *IMAGE), "files.image.path: String", id="path of a folder"),
        pytest.param(put("a\n", *IMAGE), "files.image.path: String", id="line break in a path"),
        pytest.param(put("AB" * 32, *DIGEST), "files.text.sha256: String", id="upper-case digest"),
        pytest.param(put("ab", *DIGEST), "files.text.sha256: String", id="short digest"),
        pytest.param(
            put("9", "image", "tokens"), "image.tokens: Input should be", id="number as text"
        ),
        pytest.param(put(0, "files", "text", "size"), "files.text.size: Input", id="empty file"),
        pytest.param(
            put(1, "text", "max_tokens"), "text.max_tokens: Input", id="no room for a token"
        ),
        pytest.param(put("nearest", "preprocessing", "resize"), "'bicubic'", id="other resize"),
        pytest.param(put(1, "preprocessing", "version"), "should be 2", id="other image contract"),
        pytest.param(
            put([0, 1, 1], *STD), "image_std.0: Input should be greater", id="no deviation"
        ),
        pytest.param(put([1, 1], *STD), "image_std.2: Field required", id="two channels"),
        pytest.param(put(float("nan"), *MEAN), "image_mean.0: Input should be a finite", id="NaN"),
        pytest.param(put([], "spaces"), "spaces: Tuple should have at least 1", id="no space"),
        pytest.param(
            put(768, "spaces", 2, "dimensions"), "(two spaces have the same dim", id="space twice"
        ),
        pytest.param(
            put("pooled", "spaces", 1, "output"),
            "(the space of 768 names no output)",
            id="no output",
        ),
        pytest.param(
            put(1025, "spaces", 0, "dimensions"), "(the space of 1025 is wider than", id="too wide"
        ),
        pytest.param(
            put(False, "nested"), "(the space of 768 is a prefix, and not", id="not nested"
        ),
    ],
)
def test_a_broken_manifest_is_refused_by_name(
    rewrite: Callable[[Path, Change], None], copy: Path, change: Change, complaint: str
) -> None:
    rewrite(copy, change)
    with pytest.raises(ModelError) as problem:
        read_manifest(copy)
    path = copy / "manifest.json"
    sentence = str(problem.value)
    assert sentence.startswith(f"{path} is broken (")
    assert complaint in sentence
    assert sentence.endswith(f": restore it with `git checkout -- {path}` or reinstall imgvec")


def test_a_manifest_that_is_not_nested_may_give_whole_outputs(starter: Path) -> None:
    def only_whole(content: Content) -> None:
        content["nested"] = False
        content["outputs"] = {"joint": 512, "composed": 768}
        content["spaces"] = [
            {"dimensions": 512, "output": "joint"},
            {"dimensions": 768, "output": "composed"},
        ]

    assert len(_changed(starter, only_whole).spaces) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_manifest_that_is_no_json_object_is_broken(copy: Path, content: bytes) -> None:
    (copy / "manifest.json").unlink()
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"manifest\.json is broken \("):
        read_manifest(copy)


@pytest.mark.parametrize(
    ("encoder", "fix"),
    [
        ("starter", "restore it with `git checkout -- {path}` or reinstall imgvec"),
        ("clip-vit-b32", "build it again with `imgvec models build clip-vit-b32`"),
    ],
)
def test_a_missing_manifest_is_named(tmp_path: Path, encoder: str, fix: str) -> None:
    path = tmp_path / encoder / "manifest.json"
    with pytest.raises(ModelError) as problem:
        read_manifest(tmp_path / encoder)
    assert str(problem.value) == f"{path} is missing or unreadable: {fix.format(path=path)}"


def test_a_folder_has_the_name_of_its_encoder(copy: Path) -> None:
    renamed = copy.rename(copy.parent / "other")
    with pytest.raises(ModelError) as problem:
        read_manifest(renamed)
    assert str(problem.value) == (
        f"{renamed / 'manifest.json'} is for starter: rename its folder to starter"
    )


def _changed(starter: Path, change: Change) -> Manifest:
    content = json.loads((starter / "manifest.json").read_text())
    change(content)
    return Manifest.model_validate_json(json.dumps(content))

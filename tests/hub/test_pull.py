"""Pulling: every way it fails leaves one sentence, and no file that passes for the right one."""

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import IO

import httpx2
import pytest

from imgvec.errors import ModelError
from imgvec_models.hub.files import present, pulled_folder
from imgvec_models.hub.pull import pull, source_of
from imgvec_models.hub.recipe import Recipe
from tests.support.models.local_hub import PATHS, REPOSITORY, REVISION, Fault, LocalHub, hub_path

IMAGE = hub_path("image")


class Puller:
    """Pulls a recipe into a folder, and remembers what was said."""

    def __init__(self, recipe: Recipe, models: Path, hub: str) -> None:
        self.recipe = recipe
        self.models = models
        self.hub = hub
        self.said: list[str] = []

    def __call__(self, source: Path | None = None) -> None:
        pull(self.recipe, self.models, source_of(self.hub, source), self.said.append)

    @property
    def folder(self) -> Path:
        return pulled_folder(self.models, self.recipe.name)

    def verified(self) -> set[str]:
        """The roles whose file verifies."""
        return {
            role
            for role, file in self.recipe.files.items()
            if present(self.folder / self.recipe.local_path(role), file) is not None
        }

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {".lock"}

    def fails(self) -> str:
        """Pull, and give the sentence of the failure; no file was put in place by it."""
        with pytest.raises(ModelError) as problem:
            self()
        assert "image.onnx" not in self.names()
        assert self.verified() == set()
        return str(problem.value)


@pytest.fixture
def puller(recipe: Recipe, tmp_path: Path, hub: LocalHub) -> Puller:
    return Puller(recipe, tmp_path / "models", hub.address)


def change(recipe: Recipe, **fields: object) -> Recipe:
    """The recipe with other fields for the image tower."""
    image = recipe.files["image"].model_copy(update=fields)
    return recipe.model_copy(update={"files": {**recipe.files, "image": image}})


def test_all_files_come_by_the_hub_s_paths(puller: Puller, hub: LocalHub) -> None:
    puller()
    assert puller.verified() == {"image", "text", "tokenizer"}
    assert puller.names() == {"image.onnx", "text.onnx", "tokenizer.json"}
    assert (puller.folder / "image.onnx").read_bytes() == hub.files[IMAGE]
    assert [path for path, _ in hub.asked] == [
        f"{REPOSITORY}/resolve/{REVISION}/{path}" for path in PATHS.values()
    ]


def test_what_is_there_is_not_pulled_again(puller: Puller, hub: LocalHub) -> None:
    puller()
    hub.asked.clear()
    puller()
    assert hub.asked == []


def test_an_altered_file_is_pulled_again(puller: Puller, hub: LocalHub) -> None:
    puller()
    hub.asked.clear()
    (puller.folder / "text.onnx").write_bytes(b"\0" * 2_000_000)
    assert puller.verified() == {"image", "tokenizer"}
    puller()
    assert puller.verified() == {"image", "text", "tokenizer"}
    assert [path for path, _ in hub.asked] == [hub_path("text")]


def test_a_mirror_may_lie_below_a_path(puller: Puller, hub: LocalHub) -> None:
    hub.files = {f"hub/{path}": data for path, data in hub.files.items()}
    puller.hub = f"{hub.address}/hub"
    puller()
    assert puller.verified() == {"image", "text", "tokenizer"}


def test_a_transfer_that_was_cut_goes_on_where_it_stopped(puller: Puller, hub: LocalHub) -> None:
    """The client counts in pieces of 10 MiB."""
    hub.files[IMAGE] = bytes(25_000_000)
    puller.recipe = change(
        puller.recipe, size=25_000_000, sha256=hashlib.sha256(hub.files[IMAGE]).hexdigest()
    )
    hub.faults[IMAGE] = Fault(cut=15_000_000)
    puller()
    assert hub.asked[:2] == [(IMAGE, None), (IMAGE, "bytes=10485760-")]
    assert puller.verified() == {"image", "text", "tokenizer"}
    assert puller.names() == {"image.onnx", "text.onnx", "tokenizer.json"}


@pytest.fixture
def begun(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull of the image tower that was interrupted after a million bytes."""

    def interrupted(url: str, stream: IO[bytes], **options: object) -> None:
        stream.write(httpx2.get(url).content[:1_000_000])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("imgvec_models.hub.sources.http_get", interrupted)
        assert puller.fails() == (
            "someone/small-clip/onnx/vision.onnx was interrupted: "
            "run it again, it goes on where it stopped"
        )


def test_what_was_begun_goes_on_where_it_stopped(
    begun: None, puller: Puller, hub: LocalHub
) -> None:
    puller()
    assert hub.asked[1] == (IMAGE, "bytes=1000000-")
    assert puller.verified() == {"image", "text", "tokenizer"}
    assert puller.names() == {"image.onnx", "text.onnx", "tokenizer.json"}


def test_a_file_that_changed_meanwhile_starts_from_its_beginning(
    begun: None, puller: Puller, hub: LocalHub
) -> None:
    hub.files[IMAGE] = bytes(3_000_000)
    puller.recipe = change(puller.recipe, sha256=hashlib.sha256(bytes(3_000_000)).hexdigest())
    puller()
    assert hub.asked[1] == (IMAGE, None)
    assert (puller.folder / "image.onnx").read_bytes() == bytes(3_000_000)
    assert puller.names() == {"image.onnx", "text.onnx", "tokenizer.json"}


def test_a_server_without_ranges_starts_from_the_beginning(
    begun: None, puller: Puller, hub: LocalHub
) -> None:
    hub.faults[IMAGE] = Fault(ranges=False)
    puller()
    assert puller.verified() == {"image", "text", "tokenizer"}


def test_what_was_begun_is_not_trusted_either(begun: None, puller: Puller) -> None:
    (partial,) = puller.folder.glob("image.onnx.*.partial")
    partial.write_bytes(bytes(1_000_000))
    assert "wrong SHA-256" in puller.fails()
    puller()
    assert puller.verified() == {"image", "text", "tokenizer"}


def test_more_than_there_is_cannot_have_been_begun(begun: None, puller: Puller) -> None:
    (partial,) = puller.folder.glob("image.onnx.*.partial")
    partial.write_bytes(bytes(4_000_000))
    puller()
    assert puller.verified() == {"image", "text", "tokenizer"}


def test_a_refusal_of_the_rest_keeps_what_was_begun(
    begun: None, puller: Puller, hub: LocalHub
) -> None:
    hub.faults[IMAGE] = Fault(status=503)
    assert "answered 503" in puller.fails()
    del hub.faults[IMAGE]
    puller()
    assert hub.asked[1] == (IMAGE, "bytes=1000000-")


def flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (flip, "has the wrong SHA-256 (another file than the recipe's)"),
        (lambda data: data + b"x", "has the wrong size (3000001 bytes, the recipe says"),
        (lambda data: data[:-1], "has the wrong size (2999999 bytes, the recipe says"),
        (lambda data: b"", "has the wrong size (0 bytes, the recipe says"),
    ],
    ids=["digest", "longer", "shorter", "empty"],
)
def test_another_file_than_the_recipe_s_is_not_kept(
    puller: Puller,
    hub: LocalHub,
    other: Callable[[bytes], bytes],
    told: str,
) -> None:
    hub.files[IMAGE] = other(hub.files[IMAGE])
    sentence = puller.fails()
    assert told in sentence
    assert sentence.endswith(": nothing of it is kept")
    assert puller.names() == set()


@pytest.mark.parametrize("more", [-1, 1])
def test_a_file_of_another_size_than_announced_is_not_put_in_place(
    puller: Puller, hub: LocalHub, more: int
) -> None:
    hub.faults[IMAGE] = Fault(size=3_000_000)
    hub.files[IMAGE] = bytes(3_000_000 + more)
    assert puller.fails().endswith("was interrupted: run it again, it goes on where it stopped")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (404, "is not at 127.0.0.1 (404): correct the recipe or IMGVEC_HUB"),
        (401, "needs a login at 127.0.0.1 (401): pull it with the hub's own tool"),
        (403, "needs a login at 127.0.0.1 (403): pull it with the hub's own tool"),
        (503, "127.0.0.1 answered 503 for someone/small-clip/onnx/vision.onnx: try again later"),
    ],
)
def test_a_refusal_is_told(puller: Puller, hub: LocalHub, status: int, told: str) -> None:
    hub.faults[IMAGE] = Fault(status=status)
    assert told in puller.fails()
    assert puller.names() == set()


def test_without_a_network_it_says_so(puller: Puller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    puller.hub = f"http://127.0.0.1:{port}"
    assert puller.fails() == (
        "Cannot reach 127.0.0.1: connect to the internet, name a mirror in IMGVEC_HUB, "
        "or use --from FOLDER"
    )


def test_a_proxy_that_is_named_is_used(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    puller.hub = "http://hub.invalid"
    assert puller.fails().startswith("Cannot reach hub.invalid through the proxy of HTTPS_PROXY")


def test_a_folder_that_cannot_be_made_is_named(puller: Puller) -> None:
    puller.models.parent.mkdir(exist_ok=True)
    puller.models.write_text("a file")
    with pytest.raises(ModelError, match=r"Cannot write .*\.lock: Not a directory"):
        puller()


def test_a_folder_of_files_serves_without_a_network(
    puller: Puller, hub: LocalHub, tmp_path: Path
) -> None:
    source = tmp_path / "carried" / REPOSITORY
    for role, path in PATHS.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(hub.files[hub_path(role)])
    puller.hub = "http://hub.invalid"
    puller(tmp_path / "carried")
    assert puller.verified() == {"image", "text", "tokenizer"}
    assert hub.asked == []


def test_a_folder_is_trusted_no_more_than_the_hub(
    puller: Puller, hub: LocalHub, tmp_path: Path
) -> None:
    path = tmp_path / "carried" / REPOSITORY / PATHS["image"]
    with pytest.raises(ModelError, match=r"vision\.onnx is missing or unreadable: put the file"):
        puller(tmp_path / "carried")
    path.parent.mkdir(parents=True)
    path.write_bytes(flip(hub.files[IMAGE]))
    with pytest.raises(ModelError, match="has the wrong SHA-256"):
        puller(tmp_path / "carried")
    assert puller.names() == set()


def test_a_file_without_a_digest_is_pulled_and_measured(puller: Puller, hub: LocalHub) -> None:
    recipe = change(puller.recipe, size=None, sha256=None)
    models = puller.models
    received = pull(recipe, models, source_of(puller.hub, None), puller.said.append)
    assert received["image"].size == 3_000_000
    assert received["image"].sha256 == hashlib.sha256(hub.files[IMAGE]).hexdigest()

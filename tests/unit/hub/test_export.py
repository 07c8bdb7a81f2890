"""OpenAI's archive to ONNX: every weight by its name, in a process that has no network."""

import hashlib
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from imgvec.errors import ModelError
from imgvec_models.hub.export import NAMESPACE, export, namespaces
from imgvec_models.hub.openai import write_towers
from imgvec_models.hub.recipe import Recipe, find_recipe
from imgvec_models.shapes.sizes import Clip, Transformer
from tests.support.models.small_clip import small_feeds
from tests.support.models.torch_archive import random_state, write_archive

Array = NDArray[np.float64]
CLIP = Clip(
    image=Transformer(width=128, layers=2, heads=2),
    text=Transformer(width=64, layers=2, heads=1),
    image_size=32,
    patch=8,
    joint=32,
    vocabulary=300,
    positions=16,
)


@pytest.fixture(scope="module")
def tensors() -> dict[str, NDArray[np.generic]]:
    return random_state(CLIP)


@pytest.fixture(scope="module")
def towers(
    tensors: dict[str, NDArray[np.generic]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder of both towers."""
    folder = tmp_path_factory.mktemp("towers")
    write_towers(tensors, folder)
    return folder


class Reference:
    """OpenAI's clip/model.py in NumPy, float64."""

    def __init__(self, tensors: dict[str, NDArray[np.generic]]) -> None:
        self.of = {name: value.astype(np.float64) for name, value in tensors.items()}

    def image(self, pixels: Array) -> Array:
        (_, side, _), patch = pixels.shape, CLIP.patch
        grid = pixels.reshape(3, side // patch, patch, side // patch, patch)
        patches = grid.transpose(1, 3, 0, 2, 4).reshape(-1, 3 * patch * patch)
        kernel = self.of["visual.conv1.weight"].reshape(CLIP.image.width, -1)
        x = np.vstack([self.of["visual.class_embedding"], patches @ kernel.T])
        x = self.norm(x + self.of["visual.positional_embedding"], "visual.ln_pre")
        x = self.blocks(x, "visual.", CLIP.image, np.zeros((len(x), len(x))))
        result: Array = self.norm(x[0], "visual.ln_post") @ self.of["visual.proj"]
        return result

    def text(self, ids: NDArray[np.int64]) -> Array:
        x = self.of["token_embedding.weight"][ids] + self.of["positional_embedding"][: len(ids)]
        later = np.triu(np.full((len(ids), len(ids)), -np.inf), 1)
        x = self.norm(self.blocks(x, "", CLIP.text, later), "ln_final")
        result: Array = x[ids.argmax()] @ self.of["text_projection"]
        return result

    def blocks(self, x: Array, tower: str, size: Transformer, mask: Array) -> Array:
        for number in range(size.layers):
            name = f"{tower}transformer.resblocks.{number}"
            x = x + self.attention(self.norm(x, f"{name}.ln_1"), f"{name}.attn", size, mask)
            inner = self.linear(self.norm(x, f"{name}.ln_2"), f"{name}.mlp.c_fc.")
            x = x + self.linear(inner / (1 + np.exp(-1.702 * inner)), f"{name}.mlp.c_proj.")
        return x

    def attention(self, x: Array, name: str, size: Transformer, mask: Array) -> Array:
        heads = self.linear(x, f"{name}.in_proj_").reshape(len(x), 3, size.heads, -1)
        query, key, value = heads.transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1) / query.shape[-1] ** 0.5 + mask
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (shares / shares.sum(axis=-1, keepdims=True)) @ value
        return self.linear(mixed.transpose(1, 0, 2).reshape(x.shape), f"{name}.out_proj.")

    def linear(self, x: Array, name: str) -> Array:
        result: Array = x @ self.of[f"{name}weight"].T + self.of[f"{name}bias"]
        return result

    def norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        unit = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + 1e-5)
        result: Array = unit * self.of[f"{name}.weight"] + self.of[f"{name}.bias"]
        return result


@pytest.mark.parametrize("tower", ["image", "text"])
def test_the_towers_compute_what_openai_s_model_does(
    tensors: dict[str, NDArray[np.generic]], towers: Path, tower: str
) -> None:
    session = onnxruntime.InferenceSession(towers / f"{tower}.onnx")
    reference = Reference(tensors)
    for feed in small_feeds(tower, 5):
        (found,) = session.run([f"{tower}_embeds"], dict(feed))
        if tower == "image":
            expected = reference.image(feed["pixel_values"][0].astype(np.float64))
        else:
            expected = reference.text(feed["input_ids"][0].astype(np.int64))
        np.testing.assert_allclose(found[0], expected, atol=1e-4 * np.abs(expected).max())


def test_a_missing_tensor_is_told(tensors: dict[str, NDArray[np.generic]], tmp_path: Path) -> None:
    left = {name: value for name, value in tensors.items() if name != "ln_final.bias"}
    with pytest.raises(ModelError, match="not those of a CLIP"):
        write_towers(left, tmp_path)


def test_a_tensor_of_another_shape_is_told(
    tensors: dict[str, NDArray[np.generic]], tmp_path: Path
) -> None:
    name = "visual.transformer.resblocks.1.mlp.c_fc.weight"
    with pytest.raises(ModelError, match="another shape"):
        write_towers({**tensors, name: np.zeros((3, 3), np.float16)}, tmp_path)
    assert not (tmp_path / "image.onnx").exists()


def test_what_openai_s_archive_has_besides_is_ignored(
    tensors: dict[str, NDArray[np.generic]], towers: Path, tmp_path: Path
) -> None:
    write_towers(
        {**tensors, "input_resolution": np.array(32), "vocab_size": np.array(300)}, tmp_path
    )
    for name in ("image.onnx", "text.onnx"):
        assert (tmp_path / name).read_bytes() == (towers / name).read_bytes()


@pytest.fixture
def recipe(tensors: dict[str, NDArray[np.generic]], tmp_path: Path) -> Recipe:
    """A recipe whose archive lies in `tmp_path`."""
    write_archive(tmp_path / "archive.pt", tensors)
    digest = hashlib.sha256((tmp_path / "archive.pt").read_bytes()).hexdigest()
    shipped = find_recipe(tmp_path, "clip-vit-l14")
    archive = shipped.files["archive"].model_copy(update={"sha256": digest})
    return shipped.model_copy(update={"files": {**shipped.files, "archive": archive}})


def test_the_process_writes_the_same_towers(recipe: Recipe, towers: Path, tmp_path: Path) -> None:
    export(recipe, tmp_path)
    for name in ("image.onnx", "text.onnx"):
        assert (tmp_path / name).read_bytes() == (towers / name).read_bytes()


def test_an_archive_of_another_digest_is_not_opened(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "archive.pt").write_bytes(b"not even a zip file")
    with pytest.raises(ModelError) as problem:
        export(recipe, tmp_path)
    assert str(problem.value) == (
        f"{tmp_path / 'archive.pt'} has the wrong SHA-256: it is not opened"
    )
    assert not (tmp_path / "image.onnx").exists()


OPENS = "import socket; socket.create_connection(('127.0.0.1', {port}), 5)"


@pytest.mark.parametrize(
    "attempt",
    [
        OPENS.format(port=9),
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import os; os.execv('/bin/true', ['true'])",
    ],
)
def test_the_process_can_open_no_socket_and_start_no_program(attempt: str) -> None:
    shut = "from imgvec_models.hub.export import shut_off; shut_off(); "
    done = python("-c", shut + attempt)
    assert done.returncode != 0
    assert "imgvec.errors.ModelError: Reading an archive must not use" in done.stderr


def test_its_namespace_reaches_not_even_this_machine() -> None:
    if not namespaces():
        pytest.skip("this machine gives no process a network namespace; the audit hook remains")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        attempt = OPENS.format(port=listener.getsockname()[1])
        assert python("-c", attempt).returncode == 0
        assert python("-c", attempt, before=NAMESPACE).returncode != 0


def python(*arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

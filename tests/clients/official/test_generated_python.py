"""A client that openapi-python-client generates from openapi.json: typed, and it works."""

import importlib
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Server
from tests.support.contract.checks import bits
from tests.support.server.places import ROOT

PACKAGE = "generated_imgvec"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the client is, and can be imported."""
    folder = tmp_path_factory.mktemp("generated")
    # Nothing after generating: Ruff would fix what it finds.
    (folder / "config.yaml").write_text("post_hooks: []\n")
    run(
        folder,
        "openapi_python_client",
        "generate",
        "--path",
        str(ROOT / "openapi.json"),
        "--output-path",
        PACKAGE,
        "--meta=none",
        "--config=config.yaml",
        "--fail-on-warning",
    )
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def run(folder: Path, module: str, *arguments: str) -> None:
    """Run a module, which must succeed."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout.lower(), done.stdout


def generated(name: str) -> Any:
    """A module of the client."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def call(server: Server, tag: str, operation: str, body: Any, key: str = "") -> Any:
    """The answer to one operation."""
    token = key or server.key
    client = generated("client").AuthenticatedClient(base_url=server.address, token=token)
    return generated(f"api.{tag}.{operation}").sync(client=client, body=body)


def coreviz(server: Server, uri: str) -> Any:
    body = generated("models").CoreVizImage(image=uri)
    return call(server, "core_viz", "coreviz_create_embedding", body).embedding


def openai(server: Server, uri: str) -> Any:
    models = generated("models")
    body = models.OpenAiRequest(model="starter", input_=[models.OpenAiImage(image=uri)])
    return call(server, "open_ai", "openai_create_embeddings", body).data[0].embedding


def cohere(server: Server, uri: str) -> Any:
    body = generated("models").CohereRequest(model="embed-english-v3.0", images=[uri])
    return call(server, "cohere", "cohere_embed", body).embeddings.float_[0]


def bedrock(server: Server, uri: str) -> Any:
    body = generated("models").TitanRequest(input_image=uri)
    return call(server, "bedrock", "bedrock_invoke_titan_image", body).embedding


def weaviate(server: Server, uri: str) -> Any:
    body = generated("models").WeaviateRequest(images=[uri])
    return call(server, "weaviate", "weaviate_vectorize", body).image_vectors[0]


def pixlab(server: Server, uri: str) -> Any:
    body = generated("models").PixLabImages(img=uri, key=server.key)
    return call(server, "pix_lab", "pixlab_embed_image", body).embedding


def memories(server: Server, uri: str) -> Any:
    models = generated("models")
    file = generated("types").File(io.BytesIO((ROOT / "examples" / "cat.jpg").read_bytes()))
    model = models.MemoriesImageModel("multimodalembedding@001")
    body = models.MemoriesImageFile(file=file, model=model)
    return call(server, "memories_ai", "memories_embed_image", body).data.embedding


def test_the_types_hold(folder: Path) -> None:
    run(folder, "mypy", "--strict", "--cache-dir", str(folder / "cache"), PACKAGE)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("embed", "dimensions"),
    [
        (coreviz, 768),
        (openai, 1024),
        (cohere, 1024),
        (bedrock, 1024),
        (weaviate, 512),
        (pixlab, 1024),
        (memories, 1024),
    ],
)
def test_an_image(
    server: Server, uri: str, embed: Callable[[Server, str], Any], dimensions: int
) -> None:
    with server.answers(200):
        found = embed(server, uri)
    assert bits(found) == server.image(dimensions)


@pytest.mark.usefixtures("folder")
def test_an_error_has_the_vendors_shape(server: Server) -> None:
    body = generated("models").CoreVizText(text="a cat")
    problem = call(server, "core_viz", "coreviz_create_embedding", body, server.wrong_key)
    assert type(problem).__name__ == "CoreVizProblem"
    assert problem.message == "Invalid or missing API key"

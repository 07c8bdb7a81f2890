"""Haystack's embedders of OpenAI, Jina, Cohere and Voyage."""

from pathlib import Path
from typing import Any

import cohere
import openai
import voyageai
from haystack import Document
from haystack.components.embedders import OpenAIDocumentEmbedder
from haystack.dataclasses import ByteStream
from haystack.utils import Secret
from haystack_integrations.components.embedders.cohere import (
    CohereDocumentEmbedder,
    CohereDocumentImageEmbedder,
)
from haystack_integrations.components.embedders.jina import (
    JinaDocumentEmbedder,
    JinaDocumentImageEmbedder,
)
from haystack_integrations.components.embedders.voyage_embedders import (
    VoyageDocumentEmbedder,
    VoyageMultimodalEmbedder,
)

from tests.clients.conftest import Server
from tests.clients.framework import PictureTests
from tests.support.contract.checks import data_uri


def embedded(embedder: Any, *documents: Document) -> list[Any]:
    return [one.embedding for one in embedder.run(documents=list(documents))["documents"]]


class TestOpenAI(PictureTests):
    """A text that is a data URI is an image."""

    package = "haystack-ai"
    error = openai.AuthenticationError

    def make(self, server: Server, key: str) -> OpenAIDocumentEmbedder:
        return OpenAIDocumentEmbedder(
            model="text-embedding-3-small",
            dimensions=1024,
            api_base_url=f"{server.address}/v1",
            api_key=Secret.from_token(key),
            raise_on_failure=True,
        )

    def texts(self, client: Any, texts: list[str]) -> Any:
        return embedded(client, *(Document(content=text) for text in texts))

    def image(self, client: Any, photo: Path) -> Any:
        return embedded(client, Document(content=data_uri(photo.read_bytes())))[0]


class TestJina(TestOpenAI):
    """The base URL is the whole URL."""

    package = "jina-haystack"
    error = RuntimeError

    def make(self, server: Server, key: str) -> Any:
        made = {"base_url": f"{server.address}/v1/embeddings", "api_key": Secret.from_token(key)}
        texts = JinaDocumentEmbedder(model="jina-clip-v2", **made)
        texts.images = JinaDocumentImageEmbedder(model="jina-clip-v2", **made)
        return texts

    def image(self, client: Any, photo: Path) -> Any:
        return embedded(client.images, Document(content="", meta={"file_path": str(photo)}))[0]


class TestCohere(TestJina):
    package = "cohere-haystack"
    error = cohere.errors.UnauthorizedError

    def make(self, server: Server, key: str) -> Any:
        made = {"api_base_url": server.address, "api_key": Secret.from_token(key)}
        texts = CohereDocumentEmbedder(model="embed-english-v3.0", **made)
        texts.images = CohereDocumentImageEmbedder(model="embed-english-v3.0", **made)
        return texts


class TestVoyage(TestJina):
    """It has no option for the address; the clients inside can be replaced."""

    package = "voyage-embedders-haystack"
    error = voyageai.error.AuthenticationError
    exact = False

    def make(self, server: Server, key: str) -> Any:
        made = VoyageDocumentEmbedder(model="voyage-3", api_key=Secret.from_token(key))
        made.images = VoyageMultimodalEmbedder(api_key=Secret.from_token(key))
        made._client = made.images._client = voyageai.Client(
            key, base_url=f"{server.address}/voyage/v1"
        )
        return made

    def image(self, client: Any, photo: Path) -> Any:
        return client.images.run(inputs=[[ByteStream.from_file_path(photo)]])["embeddings"][0]

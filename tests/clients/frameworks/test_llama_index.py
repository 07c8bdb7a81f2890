"""LlamaIndex's embeddings of OpenAI, what is like it, Jina, Cohere, Voyage and Bedrock."""

from pathlib import Path
from typing import Any

import boto3
import cohere
import openai
import pytest
import voyageai
from botocore.exceptions import ClientError
from llama_index.embeddings.bedrock import BedrockEmbedding
from llama_index.embeddings.cohere import CohereEmbedding
from llama_index.embeddings.jinaai import JinaEmbedding
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.embeddings.voyageai import VoyageEmbedding

from tests.clients.conftest import Server
from tests.clients.framework import PictureTests, TextTests
from tests.support.contract.checks import data_uri


class LlamaIndexTests(PictureTests):
    def texts(self, client: Any, texts: list[str]) -> Any:
        return client.get_text_embedding_batch(texts)

    def image(self, client: Any, photo: Path) -> Any:
        return client.get_image_embedding(str(photo))


class TestOpenAI(LlamaIndexTests):
    """A text that is a data URI is an image."""

    package = "llama-index-embeddings-openai"
    error = openai.AuthenticationError

    def make(self, server: Server, key: str) -> OpenAIEmbedding:
        return OpenAIEmbedding(
            model="text-embedding-3-small",
            dimensions=1024,
            api_base=f"{server.address}/v1",
            api_key=key,
        )

    def image(self, client: Any, photo: Path) -> Any:
        return client.get_text_embedding(data_uri(photo.read_bytes()))


class TestOpenAILike(TestOpenAI):
    """The same with any model's name."""

    package = "llama-index-embeddings-openai-like"

    def make(self, server: Server, key: str) -> OpenAILikeEmbedding:
        return OpenAILikeEmbedding(
            model_name="starter", api_base=f"{server.address}/v1", api_key=key
        )


class TestJina(LlamaIndexTests):
    """Its option `base_url` does not arrive; the address is a member."""

    package = "llama-index-embeddings-jinaai"
    error = RuntimeError

    def make(self, server: Server, key: str) -> JinaEmbedding:
        made = JinaEmbedding(model="jina-clip-v2", api_key=key)
        made._api.api_url = f"{server.address}/v1/embeddings"
        return made


class TestCohere(LlamaIndexTests):
    package = "llama-index-embeddings-cohere"
    error = cohere.errors.UnauthorizedError

    def make(self, server: Server, key: str) -> CohereEmbedding:
        return CohereEmbedding(
            model_name="embed-english-v3.0",
            input_type="search_document",
            base_url=server.address,
            api_key=key,
        )


class TestVoyage(LlamaIndexTests):
    """It has no option for the address; the client inside can be replaced. Pillow writes images."""

    package = "llama-index-embeddings-voyageai"
    error = voyageai.error.AuthenticationError
    exact = False

    @pytest.fixture(autouse=True)
    def tokenizer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Counts words in the place of the tokenizer, which comes from a hub."""
        monkeypatch.setattr(
            voyageai.Client, "tokenize", lambda _, texts, model: [text.split() for text in texts]
        )

    def make(self, server: Server, key: str) -> VoyageEmbedding:
        made = VoyageEmbedding(model_name="voyage-multimodal-3", voyage_api_key=key)
        made._client = voyageai.Client(key, base_url=f"{server.address}/voyage/v1")
        return made


class TestBedrock(TextTests):
    """It never sends an image."""

    package = "llama-index-embeddings-bedrock"
    error = ClientError
    batch = (200, 200)
    rejected = (403,)

    def make(self, server: Server, key: str) -> BedrockEmbedding:
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=f"{server.address}/bedrock",
            aws_access_key_id="imgvec",
            aws_secret_access_key="unused",
            aws_session_token=key,
        )
        return BedrockEmbedding(model_name="amazon.titan-embed-image-v1", client=client)

    def texts(self, client: Any, texts: list[str]) -> Any:
        return client.get_text_embedding_batch(texts)

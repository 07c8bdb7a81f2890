"""LangChain's embeddings of OpenAI, Cohere, Jina and Bedrock."""

from pathlib import Path
from typing import Any, ClassVar

import cohere
import openai
import pytest
from botocore.exceptions import ClientError
from langchain_aws import BedrockEmbeddings
from langchain_cohere import CohereEmbeddings
from langchain_community.embeddings import JinaEmbeddings, jina
from langchain_openai import OpenAIEmbeddings

from tests.clients.conftest import Server
from tests.clients.framework import PictureTests, TextTests
from tests.support.contract.checks import bits, data_uri


class TestOpenAI(PictureTests):
    """By default it sends token ids; then a data URI is no image either."""

    package = "langchain-openai"
    error = openai.AuthenticationError

    def make(self, server: Server, key: str) -> OpenAIEmbeddings:
        return OpenAIEmbeddings(
            model="text-embedding-3-small",
            dimensions=1024,
            base_url=f"{server.address}/v1",
            api_key=key,
            check_embedding_ctx_length=False,
        )

    def texts(self, client: Any, texts: list[str]) -> Any:
        return client.embed_documents(texts)

    def image(self, client: Any, photo: Path) -> Any:
        return client.embed_query(data_uri(photo.read_bytes()))

    def test_the_largest_batch(self, server: Server) -> None:
        """By default it divides texts by 1,000."""
        with server.answers(200, 200):
            found = self.texts(self.make(server, server.key), [f"cat {n}" for n in range(1001)])
        assert bits(found[1000]) == server.text("cat 1000")


class TestCohere(TextTests):
    """It tries again after every error, a bad key included."""

    package = "langchain-cohere"
    error = cohere.errors.UnauthorizedError
    rejected = (401, 401, 401)

    def make(self, server: Server, key: str) -> CohereEmbeddings:
        return CohereEmbeddings(
            model="embed-english-v3.0", base_url=server.address, cohere_api_key=key
        )

    def texts(self, client: Any, texts: list[str]) -> Any:
        return client.embed_documents(texts)


class TestJina(PictureTests):
    """It has no option for the address; the module's constant is one."""

    package = "langchain-community"
    error = RuntimeError

    @pytest.fixture(autouse=True)
    def address(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jina, "JINA_API_URL", f"{server.address}/v1/embeddings")

    def make(self, server: Server, key: str) -> JinaEmbeddings:
        return JinaEmbeddings(model_name="jina-clip-v2", jina_api_key=key)

    def texts(self, client: Any, texts: list[str]) -> Any:
        return client.embed_documents(texts)

    def image(self, client: Any, photo: Path) -> Any:
        return client.embed_images([str(photo)])[0]


class TestBedrock(PictureTests):
    """One request a text."""

    package = "langchain-aws"
    error = ClientError
    batch: ClassVar[tuple[int, ...]] = (200, 200)
    rejected = (403,)
    model: ClassVar[str] = "amazon.titan-embed-image-v1"

    def make(self, server: Server, key: str) -> BedrockEmbeddings:
        return BedrockEmbeddings(
            model_id=self.model,
            region_name="us-east-1",
            endpoint_url=f"{server.address}/bedrock",
            aws_access_key_id="imgvec",
            aws_secret_access_key="unused",
            aws_session_token=key,
        )

    def texts(self, client: Any, texts: list[str]) -> Any:
        return client.embed_documents(texts)

    def image(self, client: Any, photo: Path) -> Any:
        return client.embed_image(photo.read_bytes())


class TestBedrockCohere(TestBedrock):
    """Cohere's models at Bedrock take lists."""

    batch = (200,)
    model = "cohere.embed-english-v3"

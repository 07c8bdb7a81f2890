"""LangChain's embeddings of Voyage, which need a newer client than the other frameworks allow."""

from typing import Any

import pytest
import voyageai
from langchain_voyageai import VoyageAIEmbeddings
from voyageai.error import AuthenticationError

from tests.clients.conftest import Server
from tests.clients.framework import TextTests


class TestVoyage(TextTests):
    package = "langchain-voyageai"
    error = AuthenticationError

    @pytest.fixture(autouse=True)
    def tokenizer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Counts words in the place of the tokenizer, which comes from a hub."""
        monkeypatch.setattr(
            voyageai.Client, "tokenize", lambda _, texts, model: [text.split() for text in texts]
        )

    def make(self, server: Server, key: str) -> VoyageAIEmbeddings:
        return VoyageAIEmbeddings(
            model="voyage-3.5", base_url=f"{server.address}/voyage/v1", api_key=key
        )

    def texts(self, client: Any, texts: list[str]) -> Any:
        return client.embed_documents(texts)

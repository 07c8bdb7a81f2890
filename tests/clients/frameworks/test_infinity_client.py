"""infinity's client."""

from pathlib import Path
from typing import Any

import pytest
from infinity_client import AuthenticatedClient
from infinity_client.api.default import embeddings
from infinity_client.errors import UnexpectedStatus
from infinity_client.models import (
    OpenAIEmbeddingInputImage,
    OpenAIEmbeddingInputImageModality,
    OpenAIEmbeddingInputText,
)
from infinity_client.vision_client import InfinityVisionAPI
from requests import HTTPError

from tests.clients.conftest import Server
from tests.clients.framework import PictureTests
from tests.support.contract.checks import data_uri


class TestInfinity(PictureTests):
    package = "infinity-client"
    error = UnexpectedStatus

    def make(self, server: Server, key: str) -> AuthenticatedClient:
        return AuthenticatedClient(
            base_url=f"{server.address}/v1", token=key, raise_on_unexpected_status=True
        )

    def texts(self, client: Any, texts: list[str]) -> Any:
        asked = OpenAIEmbeddingInputText(input_=texts, model="starter")
        made = embeddings.sync(client=client, body=asked)
        return [one.embedding for one in made.data]

    def image(self, client: Any, photo: Path) -> Any:
        asked = OpenAIEmbeddingInputImage(
            input_=data_uri(photo.read_bytes()),
            model="starter",
            modality=OpenAIEmbeddingInputImageModality.IMAGE,
        )
        return embeddings.sync(client=client, body=asked).data[0].embedding

    def test_the_vision_client_sends_no_key(self, server: Server) -> None:
        with server.answers(401), pytest.raises(HTTPError, match="401"):
            InfinityVisionAPI(f"{server.address}/v1", model="starter")

"""Clients and providers for JavaScript; each one's script is in tests/clients/js."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.clients.conftest import Server
from tests.clients.framework import PictureTests, TextTests
from tests.clients.javascript import SCRIPTS, Client, JavaScriptError
from tests.support.contract.checks import data_uri


class ScriptTests(TextTests):
    script: ClassVar[str]
    error = JavaScriptError

    def version(self) -> str:
        content: dict[str, dict[str, str]] = json.loads((SCRIPTS / "package.json").read_text())
        return content["dependencies"][self.package]

    def make(self, server: Server, key: str) -> tuple[Client, str]:
        return Client(self.script, server), key

    def texts(self, client: Any, texts: list[str]) -> Any:
        script, key = client
        return script.embed({"texts": texts}, key)


class ScriptPictureTests(ScriptTests, PictureTests):
    def image(self, client: Any, photo: Path) -> Any:
        script, key = client
        return script.embed({"image": data_uri(photo.read_bytes())}, key)[0]


class TestCohere(ScriptPictureTests):
    package = "cohere-ai"
    script = "cohere-ai.mjs"


class TestVoyage(ScriptPictureTests):
    package = "voyageai"
    script = "voyageai.mjs"


class TestSdkOpenAI(ScriptPictureTests):
    package = "@ai-sdk/openai"
    script = "ai-openai.mjs"


class TestSdkCohere(ScriptTests):
    package = "@ai-sdk/cohere"
    script = "ai-cohere.mjs"


class TestSdkVoyage(ScriptPictureTests):
    package = "voyage-ai-provider"
    script = "ai-voyage.mjs"


class TestSdkJina(ScriptPictureTests):
    package = "jina-ai-provider"
    script = "ai-jina.mjs"


class TestBedrock(ScriptPictureTests):
    package = "@aws-sdk/client-bedrock-runtime"
    script = "bedrock.mjs"
    rejected = (403,)

    def test_http2_is_not_spoken(self, server: Server) -> None:
        """Without `NodeHttpHandler` the client speaks HTTP/2 from the start."""
        with server.answers(), pytest.raises(JavaScriptError, match="Protocol error"):
            Client(self.script, server).embed({"texts": ["a cat"]}, http2=True)

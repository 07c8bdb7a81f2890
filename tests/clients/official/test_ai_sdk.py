"""The AI SDK with its provider for whatever is like OpenAI."""

import pytest

from tests.clients.conftest import Server
from tests.clients.javascript import Client, JavaScriptError
from tests.support.contract.checks import bits

MODEL = "jina-clip-v2"


def bits_of(vectors: list[list[float]]) -> list[bytes]:
    return [bits(vector) for vector in vectors]


@pytest.fixture
def client(server: Server) -> Client:
    return Client("ai.mjs", server)


def test_a_batch(server: Server, client: Client, uri: str) -> None:
    with server.answers(200):
        found = client.embed({"model": MODEL, "input": ["a cat", uri]})
    assert bits_of(found) == [server.text("a cat"), server.image()]


def test_dimensions(server: Server, client: Client, uri: str) -> None:
    asked = {"model": "text-embedding-3-small", "input": [uri]}
    found = client.embed(asked, providerOptions={"openaiCompatible": {"dimensions": 512}})
    assert bits_of(found) == [server.image(512)]


REJECTED = {
    "a bad key": (MODEL, 401),
    "an unknown model": ("text-embedding-ada-002", 404),
    "dimensions": ("text-embedding-3-small", 400),
}


@pytest.mark.parametrize("case", REJECTED)
def test_an_error(server: Server, client: Client, case: str) -> None:
    model, status = REJECTED[case]
    key = server.wrong_key if case == "a bad key" else server.key
    with server.answers(status), pytest.raises(JavaScriptError) as raised:
        client.embed({"model": model, "input": ["a cat"]}, key)
    assert (raised.value.error_name, raised.value.status) == ("AI_APICallError", status)


def test_too_fast(server: Server, client: Client) -> None:
    asked = {"model": MODEL, "input": ["a cat"]}
    with server.answers(429, 200):
        client.embed(asked, server.limited_key("slower"))
    with server.answers(429), pytest.raises(JavaScriptError) as raised:
        client.embed(asked, server.limited_key("stopped"), maxRetries=0)
    assert raised.value.status == 429


@pytest.mark.parametrize(
    ("model", "statuses", "error"),
    [("starter", [429, 429, 429], "AI_RetryError"), (MODEL, [403], "AI_APICallError")],
)
def test_a_used_up_quota(
    server: Server, client: Client, model: str, statuses: list[int], error: str
) -> None:
    """It tries again at OpenAI's 429, since it does not read `x-should-retry`."""
    with server.answers(*statuses), pytest.raises(JavaScriptError, match="Quota") as raised:
        client.embed({"model": model, "input": ["a cat"]}, server.limited_key("spent"))
    assert (raised.value.error_name, raised.value.status) == (error, statuses[0])

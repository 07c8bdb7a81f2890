"""OpenAI's client for JavaScript."""

import pytest

from tests.clients.conftest import Server
from tests.clients.javascript import Client, JavaScriptError
from tests.support.contract.checks import bits

MODEL = "starter"


def bits_of(vectors: list[list[float]]) -> list[bytes]:
    return [bits(vector) for vector in vectors]


@pytest.fixture
def client(server: Server) -> Client:
    return Client("openai.mjs", server)


def test_an_image(server: Server, client: Client, uri: str) -> None:
    """The client asks for base64 unless it is told to ask for floats."""
    asked = {"model": MODEL, "input": uri}
    with server.answers(200, 200):
        silently = client.embed(asked)
        floats = client.embed({**asked, "encoding_format": "float"})
    assert bits_of(silently) == bits_of(floats) == [server.image()]


def test_a_batch(server: Server, client: Client, uri: str) -> None:
    asked = {
        "model": "text-embedding-3-small",
        "input": ["a cat", uri, "a dog"],
        "dimensions": 512,
    }
    with server.answers(200):
        found = client.embed(asked)
    assert bits_of(found) == [
        server.text("a cat", 512),
        server.image(512),
        server.text("a dog", 512),
    ]


REJECTED = {
    "a bad key": ("", MODEL, "AuthenticationError", 401),
    "an unknown model": ("", "text-embedding-ada-002", "NotFoundError", 404),
    "dimensions": ("", "text-embedding-3-small", "BadRequestError", 400),
    "a used-up quota": ("spent", MODEL, "RateLimitError", 429),
}


@pytest.mark.parametrize("case", REJECTED)
def test_an_error(server: Server, client: Client, case: str) -> None:
    """None of these is tried again, a used-up quota included."""
    plan, model, error, status = REJECTED[case]
    key = server.limited_key(plan) if plan else server.wrong_key if "key" in case else server.key
    with server.answers(status), pytest.raises(JavaScriptError) as raised:
        client.embed({"model": model, "input": "a cat"}, key)
    assert (raised.value.error_name, raised.value.status) == (error, status)


def test_too_fast(server: Server, client: Client) -> None:
    asked = {"model": MODEL, "input": "a cat"}
    with server.answers(429, 200):
        client.embed(asked, server.limited_key("slower"))
    with server.answers(429), pytest.raises(JavaScriptError) as raised:
        client.embed(asked, server.limited_key("stopped"), maxRetries=0)
    assert raised.value.error_name == "RateLimitError"

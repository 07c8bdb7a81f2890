"""OpenAI's client for Python."""

from collections.abc import Callable

import pytest
from openai import (
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    OpenAI,
    RateLimitError,
)

from tests.clients.conftest import Server
from tests.support.contract.checks import bits

MODEL = "starter"
Client = Callable[..., OpenAI]


@pytest.fixture
def client(server: Server) -> Client:
    """Makes a client; all that changes is its base URL and its key."""

    def make(key: str = server.key, **options: int) -> OpenAI:
        return OpenAI(api_key=key, base_url=f"{server.address}/v1", **options)

    return make


def test_an_image(server: Server, client: Client, uri: str) -> None:
    with server.answers(200):
        made = client().embeddings.create(model=MODEL, input=uri, dimensions=512)
    assert bits(made.data[0].embedding) == server.image(512)
    assert (made.model, made.usage.prompt_tokens) == (MODEL, 81)


def test_base64_and_float_are_the_same_bits(server: Server, client: Client, uri: str) -> None:
    """The client asks for base64 by itself, and decodes it."""
    for form in ("float", "base64"):
        made = client().embeddings.create(model=MODEL, input=uri, encoding_format=form)
        vector = made.data[0].embedding
        assert isinstance(vector, str) == (form == "base64")
        if form == "float":
            assert bits(vector) == server.image()
    silently = client().embeddings.create(model=MODEL, input=uri)
    assert bits(silently.data[0].embedding) == server.image()


def test_a_batch(server: Server, client: Client, uri: str) -> None:
    given = ["a cat", uri, "a dog"]
    with server.answers(200):
        made = client().embeddings.create(
            model="text-embedding-3-small", input=given, dimensions=1024
        )
    found = [bits(one.embedding) for one in made.data]
    assert found == [server.text("a cat"), server.image(), server.text("a dog")]


def test_several_parts_in_one_input(server: Server, client: Client, uri: str) -> None:
    """The client passes on fields that its types do not know."""
    parts = [{"type": "image_url", "image_url": {"url": uri}}]
    made = client().embeddings.create(model=MODEL, input=[{"content": parts}])
    assert bits(made.data[0].embedding) == server.image()


def test_models(server: Server, client: Client) -> None:
    assert "jina-clip-v2" in [model.id for model in client().models.list()]
    assert client().models.retrieve("starter").owned_by == "imgvec"


def test_a_bad_key(server: Server, client: Client) -> None:
    with server.answers(401), pytest.raises(AuthenticationError) as raised:
        client(server.wrong_key).embeddings.create(model=MODEL, input="a cat")
    assert raised.value.code == "invalid_api_key"


def test_an_unknown_model(server: Server, client: Client) -> None:
    with server.answers(404), pytest.raises(NotFoundError) as raised:
        client().embeddings.create(model="text-embedding-ada-002", input="a cat")
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")
    assert MODEL in raised.value.message


def test_dimensions_that_are_not_served(server: Server, client: Client) -> None:
    with server.answers(400), pytest.raises(BadRequestError) as raised:
        client().embeddings.create(model="text-embedding-3-small", input="a cat")
    assert raised.value.param == "dimensions"


def test_token_ids(server: Server, client: Client) -> None:
    with server.answers(400), pytest.raises(BadRequestError, match="send text"):
        client().embeddings.create(model=MODEL, input=[[1, 2], [3]])


def test_too_fast(server: Server, client: Client) -> None:
    with server.answers(429, 200):
        client(server.limited_key("slow")).embeddings.create(model=MODEL, input="a cat")
    with server.answers(429), pytest.raises(RateLimitError) as raised:
        stopped = client(server.limited_key("stopped"), max_retries=0)
        stopped.embeddings.create(model=MODEL, input="a cat")
    assert raised.value.code == "rate_limit_exceeded"


def test_what_is_tried_again_is_counted_once(server: Server, client: Client, uri: str) -> None:
    key = server.limited_key("slow")
    with server.answers(429, 200):
        client(key).embeddings.create(model=MODEL, input=["a cat", uri, "a dog"])
    # One is the text that has used up the rate.
    assert server.counted(key) == 1 + 3


def test_a_used_up_quota(server: Server, client: Client) -> None:
    spent = client(server.limited_key("spent"))
    with server.answers(429), pytest.raises(RateLimitError) as raised:
        spent.embeddings.create(model=MODEL, input="a cat")
    assert raised.value.code == "insufficient_quota"

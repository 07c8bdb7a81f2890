"""Cohere's client for Python, with version 1 of its API and version 2."""

import base64
from collections.abc import Callable
from typing import Any

import cohere
import numpy as np
import pytest
from cohere.core.api_error import ApiError
from cohere.errors import BadRequestError, NotFoundError, TooManyRequestsError, UnauthorizedError

from tests.clients.conftest import Server
from tests.support.contract.checks import bits

MODEL = "embed-english-v3.0"
Client = Callable[..., Any]


@pytest.fixture(params=["Client", "ClientV2"])
def client(server: Server, request: pytest.FixtureRequest) -> Client:
    """Makes a client of either version; all that changes is its base URL and its key."""
    return lambda key=server.key: getattr(cohere, request.param)(key, base_url=server.address)


def test_an_image(server: Server, client: Client, uri: str) -> None:
    with server.answers(200):
        made = client().embed(
            model=MODEL, images=[uri], input_type="image", embedding_types=["float", "int8"]
        )
    assert [bits(one) for one in made.embeddings.float_] == [server.image()]
    whole = np.array(made.embeddings.int8[0])
    assert np.array(made.embeddings.float_[0]) @ whole / np.linalg.norm(whole) > 0.999
    assert (made.images[0].width, made.images[0].format) == (451, "jpeg")
    assert made.meta.billed_units.images == 1


def test_texts(server: Server, client: Client) -> None:
    with server.answers(200):
        made = client().embed(model=MODEL, texts=["a cat", "a dog"], input_type="search_query")
    vectors = getattr(made.embeddings, "float_", made.embeddings)
    assert [bits(one) for one in vectors] == [server.text("a cat"), server.text("a dog")]


def test_base64_and_float_are_the_same_bits(server: Server, client: Client, uri: str) -> None:
    made = client().embed(
        model=MODEL, images=[uri], input_type="image", embedding_types=["base64", "float"]
    )
    (text,) = made.embeddings.base64
    assert bits(made.embeddings.float_[0]) == server.image() == base64.b64decode(text)


def test_a_long_batch(server: Server) -> None:
    """Version 1 of the client divides texts by 96, and sends the parts at the same time."""
    texts = [f"cat {number}" for number in range(100)]
    client = cohere.Client(server.key, base_url=server.address)
    with server.answers(200, 200):
        before = server.counted(server.key)
        made = client.embed(model=MODEL, texts=texts, input_type="search_document")
        counted = server.counted(server.key) - before
    assert len(made.embeddings) == counted == 100
    assert bits(made.embeddings[99]) == server.text("cat 99")


def test_texts_and_images_in_one_input(server: Server, uri: str) -> None:
    parts = [{"type": "text", "text": "a cat"}, {"type": "image_url", "image_url": {"url": uri}}]
    client = cohere.ClientV2(server.key, base_url=server.address)
    inputs = [{"content": parts}, {"content": parts[1:]}]
    made = client.embed(
        model="embed-v4.0", inputs=inputs, input_type="search_document", output_dimension=1024
    )
    both, image = made.embeddings.float_
    assert bits(image) == server.image() != bits(both)


def test_models(server: Server, client: Client) -> None:
    assert MODEL in [model.name for model in client().models.list().models]


def test_a_bad_key(server: Server, client: Client) -> None:
    with server.answers(401), pytest.raises(UnauthorizedError):
        client(server.wrong_key).embed(model=MODEL, texts=["a cat"], input_type="search_query")


def test_an_unknown_model(server: Server, client: Client) -> None:
    with server.answers(404), pytest.raises(NotFoundError):
        client().embed(model="embed-none", texts=["a cat"], input_type="search_query")


def test_dimensions_that_are_not_served(server: Server, client: Client) -> None:
    with server.answers(400), pytest.raises(BadRequestError):
        client().embed(model="embed-v4.0", texts=["a cat"], input_type="search_query")


def test_too_fast(server: Server, client: Client) -> None:
    asked = {"model": MODEL, "texts": ["a cat"], "input_type": "search_query"}
    with server.answers(429, 200):
        client(server.limited_key("slow")).embed(**asked)
    with server.answers(429), pytest.raises(TooManyRequestsError):
        client(server.limited_key("stopped")).embed(**asked, request_options={"max_retries": 0})


def test_a_used_up_quota(server: Server, client: Client) -> None:
    spent = client(server.limited_key("spent"))
    with server.answers(402), pytest.raises(ApiError) as raised:
        spent.embed(model=MODEL, texts=["a cat"], input_type="search_query")
    assert raised.value.status_code == 402

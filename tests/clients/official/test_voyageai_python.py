"""Voyage's client for Python."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import voyageai
from PIL import Image
from voyageai.error import APIError, AuthenticationError, InvalidRequestError, RateLimitError

from tests.clients.conftest import Server
from tests.support.contract.checks import bits

MODEL = "voyage-3.5"
Client = Callable[..., Any]


@pytest.fixture
def client(server: Server) -> Client:
    """Makes a client; all that changes is its base URL and its key."""

    def make(key: str = server.key, **options: int) -> voyageai.Client:
        return voyageai.Client(api_key=key, base_url=f"{server.address}/voyage/v1", **options)

    return make


def test_an_image(server: Server, client: Client, uri: str) -> None:
    content = [{"type": "image_base64", "image_base64": uri}]
    with server.answers(200):
        made = client().multimodal_embed([{"content": content}], "voyage-multimodal-3")
    assert bits(made.embeddings[0]) == server.image()
    assert (made.total_tokens, made.image_pixels) == (81, 451 * 300)


def test_an_image_of_pillow(server: Server, client: Client, cat: bytes) -> None:
    """The client writes it anew, as lossless WebP: the same picture, and hardly the same bits."""
    with Image.open(io.BytesIO(cat)) as picture, server.answers(200):
        made = client().multimodal_embed([[picture], ["a cat", picture]], "voyage-multimodal-3.5")
    vector = np.array(made.embeddings[0], np.float32)
    assert vector @ np.frombuffer(server.image(), np.float32) > 0.999
    assert len(made.embeddings) == 2


def test_texts(server: Server, client: Client) -> None:
    with server.answers(200):
        made = client().embed(["a cat", "a dog"], MODEL, output_dimension=512)
    assert [bits(one) for one in made.embeddings] == [
        server.text("a cat", 512),
        server.text("a dog", 512),
    ]


@pytest.mark.parametrize(("dtype", "length"), [("int8", 1024), ("uint8", 1024), ("ubinary", 128)])
def test_element_types(server: Server, client: Client, uri: str, dtype: str, length: int) -> None:
    """The client asks for base64 and decodes it by the name of the type."""
    content = [{"type": "image_base64", "image_base64": uri}]
    made = client().multimodal_embed([{"content": content}], "voyage-multimodal-3")
    image = np.array(made.embeddings[0])
    found = np.array(client().embed([uri], MODEL, output_dtype=dtype).embeddings[0])
    assert found.shape == (length,)
    if dtype == "ubinary":
        assert found.tolist() == np.packbits(image > 0).tolist()
    else:
        whole = found.astype(int) - (128 if dtype == "uint8" else 0)
        assert image @ whole / np.linalg.norm(whole) > 0.999


def test_a_bad_key(server: Server, client: Client) -> None:
    with server.answers(401), pytest.raises(AuthenticationError, match="key"):
        client(server.wrong_key, max_retries=3).embed(["a cat"], MODEL)


def test_an_unknown_model(server: Server, client: Client) -> None:
    with server.answers(400), pytest.raises(InvalidRequestError, match=MODEL):
        client().embed(["a cat"], "voyage-code-2")


def test_dimensions_that_are_not_served(server: Server, client: Client) -> None:
    with server.answers(400), pytest.raises(InvalidRequestError, match="512"):
        client().embed(["a cat"], MODEL, output_dimension=256)


def test_too_fast(server: Server, client: Client) -> None:
    """The client never tries again by itself; told to, it does not wait as long as it is asked."""
    with server.answers(429), pytest.raises(RateLimitError):
        client(server.limited_key("stopped")).embed(["a cat"], MODEL)
    with server.answers(429, 429), pytest.raises(RateLimitError):
        client(server.limited_key("stopped"), max_retries=2).embed(["a cat"], MODEL)


def test_a_used_up_quota(server: Server, client: Client) -> None:
    spent = client(server.limited_key("spent"), max_retries=3)
    with server.answers(402), pytest.raises(APIError, match="Quota") as raised:
        spent.embed(["a cat"], MODEL)
    assert raised.value.http_status == 402

"""The same image in the same space gives the same floats, whoever asks and however."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from tests.support.contract.checks import (
    assert_made_headers,
    assert_unit,
    bits,
    data_uri,
    embedding_in,
    small_png,
)
from tests.support.contract.embed_routes import V2
from tests.support.contract.image_forms import COREVIZ_WAYS, WAYS, Caller
from tests.support.server.places import CAT, PictureServer, Place, imgvec

WIDTHS = [512, 1024]
TEXT = "a photo of a cat, naïvely asleep"


@pytest.fixture(params=["cat.jpg", "noise.png"])
def caller(
    request: pytest.FixtureRequest, place: Place, pictures: PictureServer, cat: bytes
) -> Caller:
    """Sends a photo, then noise."""
    data = cat if request.param == "cat.jpg" else small_png()
    return Caller(place, pictures, f"bits-{request.param}", data)


def embedding(response: httpx2.Response) -> list[float]:
    """The embedding in an answer of any dialect."""
    assert response.status_code == 200, response.text
    return embedding_in(response.json())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("way", list(WAYS))
def test_every_way_gives_the_same_bits(caller: Caller, way: str, width: int) -> None:
    expected = embedding(caller.img_embed(width, img=caller.uri))
    assert_unit(expected, width)

    response = WAYS[way](caller, width)

    assert bits(embedding(response)) == bits(expected)
    assert_made_headers(response, width)


@pytest.mark.parametrize("way", list(COREVIZ_WAYS))
def test_every_way_of_coreviz_gives_the_same_bits(caller: Caller, way: str) -> None:
    expected = embedding(caller.coreviz(image=caller.uri))
    assert_unit(expected, 768)

    response = COREVIZ_WAYS[way](caller)

    assert bits(embedding(response)) == bits(expected)
    assert_made_headers(response, 768)


def test_base64_in_a_query(place: Place, pictures: PictureServer) -> None:
    """Both alphabets; whatever has a meaning in a query is escaped by the client."""
    caller = Caller(place, pictures, "bits-query.png", small_png())
    assert set("+/") <= set(caller.base64)
    expected = bits(embedding(caller.img_embed(512, img=caller.uri)))
    for text in (caller.base64, caller.url_safe, caller.uri):
        assert bits(embedding(caller.query(512, img=text))) == expected
        written = f"/imgembed?img={quote(text, safe='')}&dimension=512&key={place.key}"
        assert bits(embedding(place.client.get(written))) == expected


def test_the_images_differ(place: Place, pictures: PictureServer, cat: bytes) -> None:
    """The control: equal bits above do not come from a constant."""
    one = Caller(place, pictures, "bits-one.jpg", cat)
    two = Caller(place, pictures, "bits-two.png", small_png())
    assert embedding(one.coreviz(image=one.uri)) != embedding(two.coreviz(image=two.uri))


def test_same_bits_after_other_requests(caller: Caller, place: Place) -> None:
    before = [bits(embedding(caller.coreviz(image=caller.uri)))]
    before += [bits(embedding(caller.img_embed(width, img=caller.uri))) for width in WIDTHS]

    caller.coreviz(text=TEXT)
    caller.coreviz(image=data_uri(caller.data[:300]))
    caller.img_embed(1024, img=base64.b64encode(small_png()).decode())
    place.client.post("/imgembed", content=b"{")
    caller.memories(512, asset_id="re_000000000000000000")

    after = [bits(embedding(caller.coreviz(image=caller.uri)))]
    after += [bits(embedding(caller.img_embed(width, img=caller.uri))) for width in WIDTHS]
    assert after == before


def test_same_bits_for_every_consumer(place: Place, caller: Caller) -> None:
    body = {"image": caller.uri}
    answers = [
        place.client.post("/api/ai/embeddings", json=body, headers={"x-api-key": key})
        for key in (place.key, place.other_key)
    ]
    assert bits(embedding(answers[0])) == bits(embedding(answers[1]))


def texts(place: Place, width: int, *inputs: str) -> httpx2.Response:
    """memories.ai's embeddings/text."""
    body = {"input": list(inputs), "model": "gemini-embedding-001", "dimensionality": width}
    headers = {"Authorization": place.key}
    return place.client.post(f"{V2}/embeddings/text", json=body, headers=headers)


def test_text_across_dialects(place: Place) -> None:
    coreviz = place.client.post(
        "/api/ai/embeddings", json={"text": TEXT}, headers={"x-api-key": place.key}
    )
    memories = texts(place, 768, TEXT)
    assert bits(memories.json()["data"][0]["embedding"]) == bits(embedding(coreviz))
    assert_made_headers(coreviz, 768)
    assert_made_headers(memories, 768)


def test_text_does_not_depend_on_its_neighbours(place: Place) -> None:
    """Nor on its place among them, or on their length."""
    others = ["a dog", "rain on a tin roof " * 9, TEXT, "x"]
    alone = bits(texts(place, 768, TEXT).json()["data"][0]["embedding"])
    answers = texts(place, 768, *others).json()["data"]
    assert bits(answers[2]["embedding"]) == alone
    assert bits(answers[0]["embedding"]) != alone


def test_names_of_what_made_it(place: Place, caller: Caller) -> None:
    """One encoder behind all dialects: the one that the command line lists."""
    listed = imgvec("models", "list", "--json", environment=place.environment)
    encoders = {row["name"]: row for row in json.loads(listed.stdout)}
    for response in (
        caller.coreviz(image=caller.uri),
        caller.coreviz(text=TEXT),
        caller.img_embed(1024, img=caller.uri),
        caller.query(512, img=caller.url),
        caller.llm(512, img=caller.uri),
        caller.memories(512, files={"file": caller.data}),
        texts(place, 768, TEXT),
    ):
        encoder = encoders[response.headers["X-Embedding-Model"]]
        assert encoder["served"]
        assert response.headers["X-Embedding-Revision"] == encoder["revision"][:12]
        assert int(response.headers["X-Embedding-Dimensions"]) in encoder["dimensions"]


def test_request_ids_are_ours_and_unique(place: Place, caller: Caller) -> None:
    headers = {"x-api-key": place.key, "X-Request-Id": "of-the-client"}
    body = {"image": caller.uri}
    shown = [
        place.client.post("/api/ai/embeddings", json=body, headers=headers).headers["X-Request-Id"]
        for _ in range(4)
    ]
    assert len(set(shown)) == 4
    assert "of-the-client" not in shown


def test_the_command_line_gives_the_same_bits(
    place: Place, caller: Caller, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    file = tmp_path / "image"
    file.write_bytes(caller.data)
    made = imgvec("embed", str(file), "--dimensions", "512", environment=place.environment)
    assert made.returncode == 0, made.stderr
    found = bits(embedding(caller.img_embed(512, img=caller.uri)))
    assert bits(json.loads(made.stdout)["embedding"]) == found
    if caller.data == CAT.read_bytes():
        # For the table that `make test-cloud` prints of all places.
        record_property("known vector", hashlib.sha256(found).hexdigest()[:16])

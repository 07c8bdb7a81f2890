"""The same image in the same space gives the same floats, whoever asks and however."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from checks import assert_made_headers, assert_unit, bits, data_uri, small_png
from places import PictureServer, Place, imgvec

V2 = "/serve/api/v2"
MEMORIES_MODELS = {512: "mobileclip", 1024: "multimodalembedding@001"}
WIDTHS = [512, 1024]
TEXT = "a photo of a cat, naïvely asleep"


class Caller:
    """Sends one image in every form that the dialects know; all give the response."""

    def __init__(self, place: Place, pictures: PictureServer, name: str, data: bytes) -> None:
        self.client = place.client
        self.key = place.key
        self.data = data
        self.url = pictures.url(name, data)
        self.uri = data_uri(data)
        self.base64 = base64.b64encode(data).decode()
        self.url_safe = base64.urlsafe_b64encode(data).decode()

    def coreviz(self, path: str = "/api/ai/embeddings", **body: str) -> httpx2.Response:
        """A body for CoreViz."""
        return self.client.post(path, json=body, headers={"x-api-key": self.key})

    def img_embed(self, width: int, **fields: str) -> httpx2.Response:
        """JSON for PixLab's img-embed."""
        body = {**fields, "dimension": width, "key": self.key}
        return self.client.post("/imgembed", json=body)

    def query(self, width: int, **fields: str) -> httpx2.Response:
        """A GET of PixLab's img-embed."""
        params = {**fields, "dimension": str(width), "key": self.key}
        return self.client.get("/imgembed", params=params)

    def form(self, width: int, **more: Any) -> httpx2.Response:
        """A form for PixLab's img-embed."""
        data = {"dimension": str(width), "key": self.key, **more.pop("data", {})}
        return self.client.post("/imgembed", data=data, **more)

    def llm(self, width: int, **fields: str) -> httpx2.Response:
        """JSON for PixLab's LLM embed."""
        body = {**fields, "dimension": width, "key": self.key}
        return self.client.post("/llmimgembed", json=body)

    def stored_link(self) -> str:
        """The image's link at PixLab's store."""
        files = {"file": self.data}
        link: str = self.client.post("/store", files=files, data={"key": self.key}).json()["link"]
        return link

    def memories(self, width: int, **more: Any) -> httpx2.Response:
        """memories.ai's embeddings/image."""
        model = {"model": MEMORIES_MODELS[width]}
        content = {"json": {**model, **more}} if "files" not in more else {**more, "data": model}
        headers = {"Authorization": self.key}
        return self.client.post(f"{V2}/embeddings/image", headers=headers, **content)

    def asset(self) -> str:
        """The image's asset id at memories.ai."""
        response = self.client.post(
            f"{V2}/upload", files={"file": self.data}, headers={"Authorization": self.key}
        )
        asset_id: str = response.json()["data"]["asset_id"]
        return asset_id


WAYS: dict[str, Callable[[Caller, int], httpx2.Response]] = {
    "query url": lambda c, w: c.query(w, img=c.url),
    "query url as url": lambda c, w: c.query(w, url=c.url),
    "query stored link": lambda c, w: c.query(w, img=c.stored_link()),
    "json url": lambda c, w: c.img_embed(w, img=c.url),
    "json url with a query": lambda c, w: c.img_embed(w, img=c.url + "?size=full"),
    "json base64": lambda c, w: c.img_embed(w, img=c.base64),
    "json url-safe base64": lambda c, w: c.img_embed(w, img=c.url_safe),
    "json data URI": lambda c, w: c.img_embed(w, img=c.uri),
    "json stored link": lambda c, w: c.img_embed(w, img=c.stored_link()),
    "urlencoded base64": lambda c, w: c.form(w, data={"img": c.base64}),
    "urlencoded url-safe base64": lambda c, w: c.form(w, data={"img": c.url_safe}),
    "urlencoded url": lambda c, w: c.form(w, data={"url": c.url}),
    "multipart file": lambda c, w: c.form(w, files={"file": c.data}),
    "multipart base64": lambda c, w: c.form(w, files={"img": (None, c.base64)}),
    "multipart url": lambda c, w: c.form(w, files={"img": (None, c.url)}),
    "llm url": lambda c, w: c.llm(w, img=c.url),
    "llm base64": lambda c, w: c.llm(w, img=c.base64),
    "llm url-safe base64": lambda c, w: c.llm(w, img=c.url_safe),
    "llm data URI": lambda c, w: c.llm(w, img=c.uri),
    "llm stored link": lambda c, w: c.llm(w, img=c.stored_link()),
    "memories file": lambda c, w: c.memories(w, files={"file": c.data}),
    "memories url": lambda c, w: c.memories(w, image_url=c.url),
    "memories asset": lambda c, w: c.memories(w, asset_id=c.asset()),
}
COREVIZ_WAYS: dict[str, Callable[[Caller], httpx2.Response]] = {
    "url": lambda c: c.coreviz(image=c.url),
    "data URI": lambda c: c.coreviz(image=c.uri),
    "input url": lambda c: c.coreviz(input=c.url),
    "input data URI": lambda c: c.coreviz(input=c.uri),
    "input with type": lambda c: c.coreviz(input=c.uri, type="image"),
    "sdk": lambda c: c.coreviz("/api/ai/embed", image=c.url),
}


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
    body = response.json()
    numbers: list[float] = (body.get("data") or body)["embedding"]
    return numbers


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


def test_the_command_line_gives_the_same_bits(place: Place, caller: Caller, tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(caller.data)
    made = imgvec("embed", str(file), "--dimensions", "512", environment=place.environment)
    assert made.returncode == 0, made.stderr
    row = json.loads(made.stdout)
    assert bits(row["embedding"]) == bits(embedding(caller.img_embed(512, img=caller.uri)))

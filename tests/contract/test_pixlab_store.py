"""PixLab store: `POST /store`, and its link as `img`."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.settings import load_settings
from tests.support.contract.checks import assert_pixlab_error, bits, data_uri, small_png
from tests.support.server.places import PictureServer, Place, create_key, server_environment

PATH = "/store"
LINK_PATH = re.compile(r"(/\w+)?/store/[A-Za-z0-9_-]+")


def keep(place: Place, data: bytes, **fields: str) -> dict[str, str]:
    """Store a file; gives the answer."""
    response = place.client.post(
        PATH, files={"file": ("cat.jpg", data)}, data={"key": place.key, **fields}
    )
    assert response.status_code == 200, response.text
    answer: dict[str, str] = response.json()
    return answer


def embed(place: Place, img: str, key: str | None = None) -> httpx2.Response:
    """Embed an image by JSON."""
    return place.client.post("/imgembed", json={"img": img, "key": key or place.key})


def test_answer(place: Place, cat: bytes) -> None:
    response = place.client.post(
        PATH, files={"file": ("cat.jpg", cat)}, data={"key": place.key, "comment": "a cat"}
    )
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    answer = response.json()
    assert list(answer) == ["status", "link", "id"]
    assert answer["status"] == 200
    assert isinstance(answer["id"], str)
    assert answer["id"]
    assert LINK_PATH.fullmatch(urlsplit(answer["link"]).path)


def test_link_has_scheme_and_host_of_the_request(place: Place, cat: bytes) -> None:
    response = place.client.post(
        PATH,
        files={"file": cat},
        data={"key": place.key},
        headers={"Host": "vectors.example:8080"},
    )
    link = response.json()["link"]
    assert re.fullmatch(r"https?://vectors\.example:8080(/\w+)?/store/[A-Za-z0-9_-]+", link)


def test_link_has_the_public_url(tmp_path: Path, pictures: PictureServer, cat: bytes) -> None:
    environment = server_environment(tmp_path, pictures)
    environment["IMGVEC_PUBLIC_URL"] = "https://vectors.example/prod/"
    key, _ = create_key("first", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        stored = client.post(PATH, files={"file": cat}, data={"key": key}).json()
        assert stored["link"].startswith("https://vectors.example/prod/store/")
        embedded = client.get("/imgembed", params={"img": stored["link"], "key": key})
    assert embedded.status_code == 200, embedded.text


def test_ids_cannot_be_guessed(place: Place) -> None:
    """160 random bits, as 27 or more characters of base62."""
    links = {urlsplit(keep(place, small_png())["link"]).path for _ in range(4)}
    assert len(links) == 4
    assert all(len(link.removeprefix("/store/")) >= 27 for link in links)
    # Nothing beyond a short prefix is shared.
    shortest = min(links)
    assert not any(link[:16] == shortest[:16] for link in links - {shortest})


@pytest.mark.parametrize("name", ["img", "url"])
@pytest.mark.parametrize("way", ["query", "json", "urlencoded", "llm"])
def test_link_as_image(place: Place, cat: bytes, way: str, name: str) -> None:
    fields = {name: keep(place, cat)["link"], "key": place.key, "dimension": "512"}
    direct = place.client.post("/imgembed", json={**fields, name: data_uri(cat)})
    by_link = {
        "query": lambda: place.client.get("/imgembed", params=fields),
        "json": lambda: place.client.post("/imgembed", json=fields),
        "urlencoded": lambda: place.client.post("/imgembed", data=fields),
        "llm": lambda: place.client.post("/llmimgembed", json=fields),
    }[way]()
    assert by_link.status_code == 200, by_link.text
    assert bits(by_link.json()["embedding"]) == bits(direct.json()["embedding"])


@pytest.mark.parametrize(
    "base", ["https://elsewhere.invalid", "HTTP://127.0.0.1:1", "https://a.invalid/prod"]
)
def test_link_is_told_by_path_and_id(place: Place, cat: bytes, base: str) -> None:
    """Behind another name or stage it is still ours, and nothing is fetched."""
    link = keep(place, cat)["link"]
    elsewhere = base + urlsplit(link).path
    assert embed(place, elsewhere).json()["embedding"] == embed(place, link).json()["embedding"]


def test_unknown_link_is_404_and_not_fetched(place: Place, pictures: PictureServer) -> None:
    path = urlsplit(keep(place, small_png())["link"]).path
    unknown = path[:-4] + ("aaaa" if path[-4:] != "aaaa" else "bbbb")
    # An image lies there; whoever fetched it would get one.
    url = pictures.url(unknown.lstrip("/"), small_png())
    assert_pixlab_error(embed(place, url), 404)


def test_short_id_is_an_ordinary_address(place: Place, pictures: PictureServer) -> None:
    assert embed(place, pictures.url("store/cat.png", small_png())).status_code == 200


def test_link_belongs_to_the_consumer(place: Place) -> None:
    link = keep(place, small_png())["link"]
    sibling, _ = create_key("first", place.environment)
    assert embed(place, link, sibling).status_code == 200
    assert_pixlab_error(embed(place, link, place.other_key), 404)
    assert_pixlab_error(embed(place, link, place.revoked_key), 401)


def test_the_link_itself_shows_nothing(place: Place) -> None:
    _, _, name = keep(place, small_png())["link"].rpartition("/")
    assert_pixlab_error(place.client.get(f"/store/{name}"), 404)


def test_stored_file_that_is_no_image(place: Place) -> None:
    assert_pixlab_error(embed(place, keep(place, b"not an image")["link"]), 415)


@pytest.mark.parametrize("placed", ["query", "header", "form"])
def test_key(place: Place, placed: str) -> None:
    response = place.client.post(
        PATH,
        params={"key": place.key} if placed == "query" else {},
        data={"key": place.key} if placed == "form" else {},
        files={"file": small_png()},
        headers={"WWW-Authenticate": place.key} if placed == "header" else {},
    )
    assert response.status_code == 200, response.text


def test_no_key(place: Place) -> None:
    response = place.client.post(PATH, files={"file": small_png()})
    assert_pixlab_error(response, 401)


def test_missing_file_is_400(place: Place) -> None:
    data = {"key": place.key}
    without = place.client.post(PATH, data=data, files={"other": ("a.png", small_png())})
    empty = place.client.post(PATH, data=data, files={"file": ("a.png", b"")})
    text = place.client.post(PATH, data=data, files={"file": (None, "text")})
    for response in (without, empty, text):
        assert_pixlab_error(response, 400)


def test_multipart_only(place: Place) -> None:
    headers = {"WWW-Authenticate": place.key}
    as_json = place.client.post(PATH, json={"file": "a"}, headers=headers)
    as_form = place.client.post(PATH, data={"file": "a"}, headers=headers)
    for response in (as_json, as_form):
        assert_pixlab_error(response, 415)

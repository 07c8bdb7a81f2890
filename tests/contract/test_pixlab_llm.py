"""PixLab LLM image embed: `POST /llmimgembed`, and `/imgembed` of a host that begins `llm.`."""

import base64
import re
import time

import httpx2
import pytest

from tests.support.contract.checks import (
    REFUSED_ADDRESS,
    assert_made_headers,
    assert_pixlab_error,
    assert_unit,
    data_uri,
    icon,
    small_png,
)
from tests.support.server.places import PictureServer, Place

PNG = small_png()
BASE64 = base64.b64encode(PNG).decode()
ROUTES = {
    "path": ("/llmimgembed", {}),
    "host": ("/imgembed", {"Host": "llm.pixlab.example"}),
    "host-and-port": ("/imgembed", {"Host": "LLM.localhost:8000"}),
}


@pytest.fixture(params=list(ROUTES))
def route(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """Path and headers that reach the LLM variant."""
    path, headers = ROUTES[request.param]
    return path, dict(headers)


def ask(place: Place, route: tuple[str, dict[str, str]], **body: object) -> httpx2.Response:
    """Send a JSON body."""
    path, headers = route
    return place.client.post(path, json=body, headers=headers)


def test_answer_of_the_seed(place: Place, route: tuple[str, dict[str, str]]) -> None:
    before = int(time.time())
    response = ask(place, route, key=place.key, img=BASE64)
    after = int(time.time())

    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    answer = response.json()
    assert list(answer) == [
        "status",
        "id",
        "embedding",
        "object",
        "created",
        "model",
        "total_input_tokens",
        "total_output_tokens",
    ]
    assert answer["status"] == 200
    assert re.fullmatch("[0-9A-F]{10}", answer["id"])
    assert_unit(answer["embedding"], 512)
    assert answer["object"] == "embedding"
    assert type(answer["created"]) is int
    # The server's clock need not be ours to the second.
    assert before - 60 <= answer["created"] <= after + 60
    assert answer["model"] == "pix-llm"
    assert type(answer["total_input_tokens"]) is int
    assert answer["total_input_tokens"] > 1
    assert type(answer["total_output_tokens"]) is int
    assert_made_headers(response, 512)


def test_id_is_random(place: Place, route: tuple[str, dict[str, str]]) -> None:
    ids = {ask(place, route, key=place.key, img=BASE64).json()["id"] for _ in range(5)}
    assert len(ids) == 5


def test_tokens_as_in_img_embed(place: Place, route: tuple[str, dict[str, str]]) -> None:
    plain = place.client.post("/imgembed", json={"key": place.key, "img": BASE64}).json()
    answer = ask(place, route, key=place.key, img=BASE64).json()
    assert answer["total_input_tokens"] == plain["total_tokens"]


@pytest.mark.parametrize("dimension", [512, 1024, "512", "1024"], ids=repr)
def test_dimension(place: Place, route: tuple[str, dict[str, str]], dimension: int | str) -> None:
    response = ask(place, route, key=place.key, img=BASE64, dimension=dimension)
    assert response.status_code == 200, response.text
    assert_unit(response.json()["embedding"], int(dimension))
    assert_made_headers(response, int(dimension))


@pytest.mark.parametrize("dimension", [768, 0, "x", 512.5, True, [512]], ids=repr)
def test_bad_dimension(place: Place, route: tuple[str, dict[str, str]], dimension: object) -> None:
    assert_pixlab_error(ask(place, route, key=place.key, img=BASE64, dimension=dimension), 400)


@pytest.mark.parametrize("kind", ["url", "base64", "data-uri"])
def test_image(
    place: Place, pictures: PictureServer, route: tuple[str, dict[str, str]], kind: str
) -> None:
    image = {
        "url": pictures.url("pixlab-llm.png", PNG),
        "base64": BASE64,
        "data-uri": data_uri(PNG, "image/png"),
    }[kind]
    assert ask(place, route, key=place.key, img=image).status_code == 200


@pytest.mark.parametrize("placed", ["query", "body", "header"])
def test_key(place: Place, route: tuple[str, dict[str, str]], placed: str) -> None:
    path, headers = route
    response = place.client.post(
        path,
        params={"key": place.key} if placed == "query" else {},
        json={"img": BASE64, **({"key": place.key} if placed == "body" else {})},
        headers={**headers, **({"WWW-Authenticate": place.key} if placed == "header" else {})},
    )
    assert response.status_code == 200, response.text


def test_no_key(place: Place, route: tuple[str, dict[str, str]]) -> None:
    response = ask(place, route, img=BASE64)
    assert_pixlab_error(response, 401)
    assert response.json() == {"status": 401, "error": "Missing/Invalid PixLab API Key"}


def test_two_different_keys(place: Place, route: tuple[str, dict[str, str]]) -> None:
    path, headers = route
    body = {"img": BASE64, "key": place.other_key}
    response = place.client.post(path, params={"key": place.key}, json=body, headers=headers)
    assert_pixlab_error(response, 401)


def test_json_only(place: Place, route: tuple[str, dict[str, str]]) -> None:
    path, headers = route
    headers["WWW-Authenticate"] = place.key
    upload = place.client.post(path, files={"file": PNG}, headers=headers)
    form = place.client.post(path, data={"img": BASE64}, headers=headers)
    plain = place.client.post(
        path, content=b'{"img": ""}', headers={**headers, "Content-Type": "text/plain"}
    )
    for response in (upload, form, plain):
        assert_pixlab_error(response, 415)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_wrong_method(place: Place, route: tuple[str, dict[str, str]], method: str) -> None:
    path, headers = route
    response = place.client.request(
        method, path, params={"img": BASE64, "key": place.key}, headers=headers
    )
    assert_pixlab_error(response, 405)
    if path == "/llmimgembed":
        assert response.headers["Allow"] == "POST"


def test_allow_of_the_vendors_host(place: Place) -> None:
    response = place.client.get("/imgembed", headers={"Host": "llm.pixlab.example"})
    assert_pixlab_error(response, 405)
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("host", ["llmpixlab.example", "api.llm.example", "llm"])
def test_other_hosts_are_img_embed(place: Place, host: str) -> None:
    response = place.client.get(
        "/imgembed", params={"img": BASE64, "key": place.key}, headers={"Host": host}
    )
    assert list(response.json()) == ["status", "embedding", "total_tokens"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"img": ""}, 400),
        ({"img": 7}, 400),
        ({"img": "!!!!"}, 400),
        ({"img": BASE64, "url": BASE64}, 400),
        ({"img": REFUSED_ADDRESS}, 400),
        ({"img": base64.b64encode(b"no image").decode()}, 415),
        ({"img": base64.b64encode(icon()).decode()}, 415),
    ],
    ids=["empty", "blank", "number", "no-base64", "both", "refused", "text", "icon"],
)
def test_outcomes(
    place: Place, route: tuple[str, dict[str, str]], body: dict[str, object], status: int
) -> None:
    assert_pixlab_error(ask(place, route, key=place.key, **body), status)


def test_image_url_that_does_not_exist(
    place: Place, pictures: PictureServer, route: tuple[str, dict[str, str]]
) -> None:
    missing = pictures.url("pixlab-llm-missing.png")
    assert_pixlab_error(ask(place, route, key=place.key, img=missing), 404)

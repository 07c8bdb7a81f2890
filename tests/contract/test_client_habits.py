"""Base64, data URIs, URLs and files as clients write them have the vector of the plain form."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.support.contract.checks import (
    assert_coreviz_error,
    assert_memories_error,
    assert_pixlab_error,
    small_png,
)
from tests.support.server.places import PictureServer, Place

PNG = small_png()
TEXT = base64.b64encode(PNG).decode()
V2 = "/serve/api/v2"
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def wrapped(width: int, end: str) -> str:
    return end.join(TEXT[at : at + width] for at in range(0, len(TEXT), width))


BASE64 = {
    "Java MIME, Ruby": wrapped(76, "\r\n"),
    "the command base64": wrapped(76, "\n") + "\n",
    "PHP chunk_split": wrapped(76, "\r\n") + "\r\n",
    "Android": wrapped(76, "\n") + "\n",
    "indented": wrapped(60, "\n\t"),
    "no padding": TEXT.rstrip("="),
    "space and line break around": f" {TEXT}\r\n",
}
URIS = {
    "wrapped": f"data:image/png;base64,{BASE64['the command base64']}",
    "space after the comma": f"data:image/png;base64, {TEXT}",
    "escaped line breaks": f"data:image/png;base64,{quote(BASE64['the command base64'], '')}",
    "line break around": f"\ndata:image/png;base64,{TEXT}\n",
}


def pixlab_json(place: Place, image: str) -> httpx2.Response:
    return place.client.post("/imgembed", json={"key": place.key, "img": image})


def pixlab_list(place: Place, image: str) -> httpx2.Response:
    return place.client.post("/imgembed", json={"key": place.key, "img": [image, image]})


def pixlab_llm(place: Place, image: str) -> httpx2.Response:
    return place.client.post("/llmimgembed", json={"key": place.key, "img": image})


def pixlab_query(place: Place, image: str) -> httpx2.Response:
    return place.client.get("/imgembed", params={"key": place.key, "img": image})


def pixlab_urlencoded(place: Place, image: str) -> httpx2.Response:
    return place.client.post("/imgembed", data={"key": place.key, "img": image})


def pixlab_multipart(place: Place, image: str) -> httpx2.Response:
    files = {"key": (None, place.key), "img": (None, image)}
    return place.client.post("/imgembed", files=files)


def pixlab_unescaped(place: Place, image: str) -> httpx2.Response:
    """A form whose client escapes line breaks and no `+`, as one does that builds it by hand."""
    body = f"key={place.key}&img={quote(image, safe='+/=:;, ').replace(' ', '%20')}"
    return place.client.post("/imgembed", content=body, headers=URLENCODED)


def coreviz(place: Place, image: str) -> httpx2.Response:
    headers = {"x-api-key": place.key}
    return place.client.post("/api/ai/embeddings", json={"image": image}, headers=headers)


def coreviz_input(place: Place, image: str) -> httpx2.Response:
    headers = {"x-api-key": place.key}
    return place.client.post("/api/ai/embeddings", json={"input": image}, headers=headers)


def memories(place: Place, image: str) -> httpx2.Response:
    body = {"image_url": image, "model": "mobileclip"}
    headers = {"Authorization": place.key}
    return place.client.post(f"{V2}/embeddings/image", json=body, headers=headers)


PIXLAB = (
    pixlab_json,
    pixlab_list,
    pixlab_llm,
    pixlab_query,
    pixlab_urlencoded,
    pixlab_multipart,
    pixlab_unescaped,
)
Send = Callable[[Place, str], httpx2.Response]


def vector_of(response: httpx2.Response) -> Any:
    """The vector in any dialect's answer, the first of a list."""
    assert response.status_code == 200, response.text
    answer = response.json()
    found = answer["data"]["embedding"] if "data" in answer else answer["embedding"]
    return found[0] if isinstance(found[0], list) else found


@pytest.mark.parametrize("send", PIXLAB)
@pytest.mark.parametrize("name", BASE64)
def test_base64_as_encoders_write_it(place: Place, send: Send, name: str) -> None:
    assert vector_of(send(place, BASE64[name])) == vector_of(send(place, TEXT))


@pytest.mark.parametrize("send", [*PIXLAB, coreviz, coreviz_input])
@pytest.mark.parametrize("name", URIS)
def test_data_uris_as_clients_write_them(place: Place, send: Send, name: str) -> None:
    plain = f"data:image/png;base64,{TEXT}"
    assert vector_of(send(place, URIS[name])) == vector_of(send(place, plain))


@pytest.mark.parametrize("name", ["plain", "the command base64", "Java MIME, Ruby"])
def test_a_plus_that_is_not_escaped(place: Place, name: str) -> None:
    """In a form and a query it arrives as a space."""
    text = BASE64.get(name, TEXT)
    assert text.count("+") > 1
    sent = quote(text, safe="+/=")
    form = place.client.post("/imgembed", content=f"key={place.key}&img={sent}", headers=URLENCODED)
    query = place.client.get(f"/imgembed?key={place.key}&img={sent}")
    uri = place.client.get(f"/imgembed?key={place.key}&img=data:image/png;base64,{sent}")
    plain = vector_of(pixlab_json(place, TEXT))
    assert [vector_of(one) for one in (form, query, uri)] == [plain] * 3


@pytest.mark.parametrize("send", [*PIXLAB, coreviz, coreviz_input, memories])
@pytest.mark.parametrize("around", ["{}\n", " {}", "\u3000{}\r\n"], ids=["end", "start", "both"])
def test_white_space_around_a_url(
    place: Place, pictures: PictureServer, send: Send, around: str
) -> None:
    url = pictures.url("habits.png", PNG)
    assert vector_of(send(place, around.format(url))) == vector_of(send(place, url))


@pytest.mark.parametrize("send", [pixlab_json, coreviz, memories])
@pytest.mark.parametrize("space", [" ", "\u3000", "\xa0"], ids=["space", "wide", "no-break"])
def test_white_space_in_a_url(
    place: Place, pictures: PictureServer, send: Send, space: str
) -> None:
    url = pictures.url(f"my{quote(space)}photo.png", PNG)
    pictures.url(f"my{space}photo.png", b"never asked for so")
    answer = send(place, url.replace(quote(space), space))
    assert vector_of(answer) == vector_of(send(place, url))


def test_a_control_character_in_a_url_is_an_error(place: Place) -> None:
    url = "http://example.com/a\tb.png"
    assert_pixlab_error(pixlab_json(place, url), 400)
    assert_coreviz_error(coreviz(place, url), 400)
    assert_memories_error(memories(place, url), 400)


def form(parts: str, data: bytes, key: str = "") -> tuple[bytes, dict[str, str]]:
    """A form with a part of `data`, whose headers are as given, and the fields of two dialects."""
    fields = {"key": key, "model": "mobileclip"}
    head = "".join(
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    body = f'{head}--edge\r\nContent-Disposition: form-data; name="file"{parts}\r\n\r\n'.encode()
    return body + data + b"\r\n--edge--\r\n", {
        "Content-Type": "multipart/form-data; boundary=edge",
        "Authorization": key,
    }


UPLOADS = {"pixlab": "/imgembed", "memories": f"{V2}/embeddings/image"}


@pytest.mark.parametrize("dialect", UPLOADS)
@pytest.mark.parametrize("headers", ["", "\r\nContent-Type: image/png"], ids=["bare", "typed"])
def test_a_file_without_filename(place: Place, dialect: str, headers: str) -> None:
    body, sent = form(headers, PNG, place.key)
    named, _ = form(f'; filename="a.png"{headers}', PNG, place.key)
    bare, whole = (
        place.client.post(UPLOADS[dialect], content=one, headers=sent) for one in (body, named)
    )
    assert vector_of(bare) == vector_of(whole)


@pytest.mark.parametrize("path", ["/store", f"{V2}/upload"])
def test_a_file_without_filename_is_stored(place: Place, path: str) -> None:
    body, headers = form("", PNG, place.key)
    response = place.client.post(path, content=body, headers=headers)
    assert response.status_code == 200, response.text


def test_a_text_in_the_place_of_a_file_names_the_filename(place: Place) -> None:
    body, headers = form("", TEXT.encode(), place.key)
    pixlab = place.client.post("/imgembed", content=body, headers=headers)
    assert_pixlab_error(pixlab, 400)
    assert "with a filename" in pixlab.json()["error"]
    other = place.client.post(f"{V2}/embeddings/image", content=body, headers=headers)
    assert "with a filename" in other.json()["msg"]
    assert_memories_error(other, 400)


def test_a_name_that_leads_inside_is_answered_as_one_that_does_not_exist(place: Place) -> None:
    """`localhost` is on port 80 for all: an address literal tells nothing and says so."""
    for send, check in (
        (pixlab_json, assert_pixlab_error),
        (memories, assert_memories_error),
        (coreviz, assert_coreviz_error),
    ):
        inside = send(place, "http://localhost/cat.png")
        nowhere = send(place, "http://no-such-host.invalid/cat.png")
        assert (inside.status_code, inside.json()) == (nowhere.status_code, nowhere.json())
        check(inside, inside.status_code)
        check(send(place, "http://127.0.0.1/cat.png"), 400)

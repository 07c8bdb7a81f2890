"""Base64 as encoders write it, image URLs as people paste them: the vector of the plain form."""

import base64
from collections.abc import Callable

import httpx2
import pytest

from tests.support.contract.image_forms import Caller
from tests.support.images.pictures import photo_jpeg
from tests.support.server.places import PictureServer, Place

PICTURE = photo_jpeg(64, 48)
PLAIN = base64.b64encode(PICTURE).decode()
LINES = [PLAIN[at : at + 64] for at in range(0, len(PLAIN), 64)]


@pytest.fixture
def caller(place: Place, pictures: PictureServer) -> Caller:
    return Caller(place, pictures, "written%20image.jpg", PICTURE)


def vector(response: httpx2.Response) -> list[float]:
    assert response.status_code == 200, response.text
    embedding: list[float] = response.json()["embedding"]
    return embedding


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(base64.encodebytes(PICTURE).decode(), id="lines of 76"),
        pytest.param(
            "\r\n".join(PLAIN[at : at + 64] for at in range(0, len(PLAIN), 64)), id="CRLF"
        ),
        pytest.param(f"\n {PLAIN}\n", id="around"),
    ],
)
def test_white_space_in_base64_is_ignored(caller: Caller, written: str) -> None:
    assert written != PLAIN
    uri = f"data:image/jpeg;base64, {written}"
    expected = vector(caller.img_embed(512, img=PLAIN))
    assert vector(caller.img_embed(512, img=written)) == expected
    assert vector(caller.form(512, data={"img": written})) == expected
    assert vector(caller.llm(512, img=uri)) == expected
    whole = vector(caller.coreviz(image=f"data:image/jpeg;base64,{PLAIN}"))
    assert vector(caller.coreviz(image=uri)) == whole


def test_a_plus_that_nobody_escaped_stays_a_plus(caller: Caller) -> None:
    """`curl -d "img=$(base64 -w0 FILE)"`: a form and a query turn `+` into a space."""
    assert "+" in PLAIN
    expected = vector(caller.img_embed(512, img=PLAIN))
    assert vector(caller.form(512, data={"img": PLAIN.replace("+", " ")})) == expected
    raw = f"key={caller.key}&dimension=512&img={PLAIN}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert vector(caller.client.post("/imgembed", content=raw, headers=headers)) == expected
    assert vector(caller.client.get(f"/imgembed?{raw}")) == expected


@pytest.mark.parametrize(
    "pasted",
    [
        pytest.param(lambda url: f" {url}\n", id="white space around"),
        pytest.param(lambda url: f"\u3000{url}", id="wide space before"),
        pytest.param(lambda url: url.replace("%20", " "), id="space inside"),
    ],
)
def test_white_space_of_a_url_is_trimmed_and_escaped(
    caller: Caller, pasted: Callable[[str], str]
) -> None:
    url = caller.url
    assert "%20" in url
    expected = vector(caller.img_embed(512, img=PLAIN))
    assert vector(caller.img_embed(512, img=pasted(url))) == expected
    assert vector(caller.coreviz(image=pasted(url))) == vector(caller.coreviz(image=url))
    answer = caller.memories(512, image_url=pasted(url))
    assert answer.status_code == 200, answer.text

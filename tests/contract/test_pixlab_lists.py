"""PixLab's lists: `img` as a list in JSON, `file` repeated in a form, vectors in order."""

import base64
import json

import httpx2
import pytest

from tests.support.contract.checks import bits, small_png
from tests.support.contract.embed_routes import ENDPOINTS
from tests.support.server.places import CAT, PictureServer, Place, imgvec

PIXLAB = ENDPOINTS["pixlab"]
PATHS = ["/imgembed", "/llmimgembed"]


def listed(place: Place, path: str, images: list[object], **more: object) -> httpx2.Response:
    """Ask for a list of images at 512 dimensions."""
    content = {"key": place.key, "img": images, "dimension": 512, **more}
    return place.client.post(path, json=content)


def alone(place: Place, image: str) -> bytes:
    """The bits of an image's vector when it is asked for alone."""
    content = {"key": place.key, "img": image, "dimension": 512}
    answer = place.client.post("/imgembed", json=content)
    assert answer.status_code == 200, answer.text
    return bits(answer.json()["embedding"])


@pytest.mark.parametrize("path", PATHS)
def test_a_list_gives_vectors_in_order(place: Place, pictures: PictureServer, path: str) -> None:
    images = [
        pictures.url("cat.jpg"),
        base64.b64encode(small_png()).decode(),
        "data:image/jpeg;base64," + base64.b64encode(CAT.read_bytes()).decode(),
    ]
    answer = listed(place, path, [*images])
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert [bits(vector) for vector in content["embedding"]] == [alone(place, i) for i in images]
    single = listed(place, path, [images[0]]).json()
    tokens = [one.get("total_tokens", one.get("total_input_tokens")) for one in (content, single)]
    assert tokens[0] == 3 * tokens[1] > 0
    assert answer.headers["X-Embedding-Dimensions"] == "512"


def test_a_list_of_one_is_a_list(place: Place, pictures: PictureServer) -> None:
    answer = listed(place, "/imgembed", [pictures.url("cat.jpg")])
    (vector,) = answer.json()["embedding"]
    assert bits(vector) == alone(place, pictures.url("cat.jpg"))


def test_a_form_that_repeats_file(place: Place, pictures: PictureServer) -> None:
    files = [("file", ("a.jpg", CAT.read_bytes())), ("file", ("b.png", small_png()))]
    data = {"key": place.key, "dimension": "512"}
    answer = place.client.post("/imgembed", data=data, files=files)
    assert answer.status_code == 200, answer.text
    expected = [
        alone(place, base64.b64encode(one).decode()) for one in (CAT.read_bytes(), small_png())
    ]
    assert [bits(vector) for vector in answer.json()["embedding"]] == expected
    single = place.client.post("/imgembed", data=data, files=files[:1])
    assert bits(single.json()["embedding"]) == expected[0]


@pytest.mark.parametrize(
    "images",
    [
        pytest.param([], id="empty"),
        pytest.param([""], id="an empty one"),
        pytest.param([1], id="a number"),
        pytest.param(["aGk=", None], id="null"),
        pytest.param([["aGk="]], id="a list in a list"),
        pytest.param(["aGk="] * 101, id="too many"),
    ],
)
def test_a_list_that_is_none(place: Place, images: list[object]) -> None:
    PIXLAB.check(listed(place, "/imgembed", images), 400)


def test_a_list_beside_another_image(place: Place, pictures: PictureServer) -> None:
    PIXLAB.check(listed(place, "/imgembed", ["aGk="], url=pictures.url("cat.jpg")), 400)


@pytest.mark.parametrize("place", ["in-process"], indirect=True)
def test_all_or_nothing_and_each_counted(place: Place, pictures: PictureServer) -> None:
    def counted() -> int:
        rows = json.loads(
            imgvec("usage", "--by", "dialect", "--json", environment=place.environment).stdout
        )
        return sum(row["images"] for row in rows if row["dialect"] == "pixlab")

    before = counted()
    cat = pictures.url("cat.jpg")
    assert listed(place, "/imgembed", [cat, cat, cat]).status_code == 200
    assert counted() == before + 3
    bad = base64.b64encode(b"not an image").decode()
    PIXLAB.check(listed(place, "/imgembed", [cat, bad, cat]), 415)
    assert counted() == before + 3

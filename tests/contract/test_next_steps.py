"""Error texts that end with the next step, over HTTP."""

import pytest

from tests.support.contract.checks import data_uri, huge_png
from tests.support.contract.embed_routes import OVER_BODY
from tests.support.server.places import PictureServer, Place

READ = "send JPEG, PNG, WebP, GIF, TIFF or BMP"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def said(place: Place, given: object) -> str:
    """The sentence of an error, without the place of the input."""
    headers = {"Authorization": f"Bearer {place.key}"}
    body = {"model": "starter", "input": given}
    answer = place.client.post("/v1/embeddings", json=body, headers=headers)
    assert answer.status_code in (400, 413), answer.text
    sentence: str = answer.json()["error"]["message"]
    return sentence.removeprefix("input[0]: ")


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (b"words", f"Not a supported image, or a damaged one: {READ}"),
        (HEIC, f"This is HEIC, which is not read; {READ}"),
        (huge_png(), "The image has 8500 x 6000 pixels, over the limit of 50,000,000 pixels"),
    ],
    ids=["no image", "another format", "pixels"],
)
def test_an_image(place: Place, image: bytes, sentence: str) -> None:
    assert said(place, {"image": data_uri(image)}) == sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "no-such.jpg",
            "The image could not be downloaded, check its URL or send the image itself",
        ),
        ("private", "The image URL may not be fetched, send the image itself"),
    ],
)
def test_a_url(place: Place, pictures: PictureServer, name: str, sentence: str) -> None:
    url = "http://169.254.169.254/" if name == "private" else pictures.url(name)
    assert said(place, {"image": url}) == sentence


def test_a_body(place: Place) -> None:
    assert "is over the limit of 20,000,000 bytes" in said(place, "x" * OVER_BODY)

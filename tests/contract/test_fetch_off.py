"""With `IMGVEC_FETCH=false` a URL is the dialect's 400, and bytes are embedded as before."""

from collections.abc import Iterator

import httpx2
import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.settings import load_settings
from tests.support.contract.checks import data_uri
from tests.support.contract.embed_routes import ENDPOINTS, KEY_HEADERS
from tests.support.server.places import CAT, PictureServer, create_key, server_environment

TAKE_URLS = ("coreviz", "pixlab", "pixlab-llm", "memories")


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer
) -> Iterator[httpx2.Client]:
    """The application without fetching, with a key."""
    environment = server_environment(tmp_path_factory.mktemp("off"), pictures)
    key, _ = create_key("first", environment)
    headers = dict.fromkeys(KEY_HEADERS.values(), key)
    settings = load_settings({**environment, "IMGVEC_FETCH": "false"})
    with TestClient(create_app(settings), headers=headers) as client:
        yield client


@pytest.mark.parametrize("name", TAKE_URLS)
def test_a_url_is_rejected(client: httpx2.Client, pictures: PictureServer, name: str) -> None:
    endpoint = ENDPOINTS[name]
    answer = client.post(endpoint.path, json=endpoint.body(pictures.url("cat.jpg")))
    endpoint.check(answer, 400)
    assert "Image URLs are not fetched here, send the image itself" in answer.text


def test_bytes_are_embedded(client: httpx2.Client) -> None:
    endpoint = ENDPOINTS["coreviz"]
    answer = client.post(
        endpoint.path, json=endpoint.body(data_uri(CAT.read_bytes(), "image/jpeg"))
    )
    assert answer.status_code == 200, answer.text

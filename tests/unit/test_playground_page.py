"""The playground's files: served with what keeps strangers out, and nothing from elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from imgvec.api import playground
from imgvec.app import create_app
from imgvec.settings import Settings
from tests.support.http.strict_page import assert_strict
from tests.support.server.places import CAT

SOURCES = {
    path.name: path.read_text()
    for path in (playground.PAGE, *playground.FILES.values())
    if path.suffix in (".html", ".js", ".css")
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """An application as `imgvec serve` has it, in process."""
    app = create_app(Settings(data=tmp_path))
    playground.add_playground(app, (512, 768))
    with TestClient(app) as client:
        yield client


def test_page_and_its_files_are_served_with_what_keeps_strangers_out(client: TestClient) -> None:
    assert_strict(client, ("/", *(f"/playground/{name}" for name in playground.FILES)))
    for name in playground.FILES:
        kind = client.get(f"/playground/{name}").headers["Content-Type"].partition(";")[0]
        assert kind in ("text/javascript", "text/css", "image/jpeg"), name


def test_all_that_the_page_and_its_modules_name_is_served(client: TestClient) -> None:
    named = re.findall(r'(?:src|href)="([^"#:]+)"', SOURCES["index.html"])
    assert {"docs", "playground/main.js", "playground/style.css"} <= set(named)
    modules = {name for text in SOURCES.values() for name in re.findall(r'from "\./(.+)"', text)}
    assert modules | {"main.js"} == {name for name in SOURCES if name.endswith(".js")}
    for path in (*named, *(f"playground/{name}" for name in modules)):
        assert client.get(f"/{path}").status_code == 200, path


@pytest.mark.parametrize("name", ["index.html", "docs.js", "..%2fdocs.html", "..%2f..%2fapp.py"])
def test_no_other_file_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/playground/{name}").status_code == 404


def test_our_photo_is_the_one_of_the_documents() -> None:
    assert playground.FILES["cat.jpg"].read_bytes() == CAT.read_bytes()


def test_texts_go_in_as_text_and_nothing_is_stored() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function"
    stored = r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\."
    for name, text in SOURCES.items():
        assert not re.search(f"{forbidden}|{stored}", text), name
        assert not re.search(r"""["'(]https?://(?!www\.w3\.org/)""", text), name


def test_without_serve_the_root_leads_to_the_reference(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(data=tmp_path)), follow_redirects=False) as client:
        assert client.get("/").headers["Location"] == "/docs"
        assert client.get("/playground/main.js").status_code == 404

"""A new dialect is one new module: nothing else has to change."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import imgvec.dialects
from checks import assert_made_headers, assert_unit, bits
from imgvec.app import create_app
from imgvec.dialects import all_dialects
from imgvec.errors import ModelError
from imgvec.settings import load_settings
from places import PictureServer, create_key, server_environment

NAME = "tiny_vendor"
MODULE = """
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgvec.aliases import Alias
from imgvec.dialects.call import Call
from imgvec.dialects.protocol import (
    Dialect, context_of, embedding_headers, embedding_of, json_answer, services_of
)
from imgvec.embedding.sources import linked_image
from imgvec.embedding.types import ImageInput, each
from imgvec.errors import RequestError

WIDE = Alias("tiny-wide", (1024,))
router = APIRouter()


@router.get("/tiny/vector")
async def vector(request: Request) -> Response:
    principal = await services_of(request).authenticate(frozenset({request.headers["token"]}))
    wanted = each([ImageInput(linked_image(request.query_params["image"], 1000000))], 1024)
    context = context_of(request, Call(request.headers), "tiny")
    result = await embedding_of(request).embed(principal, wanted, context)
    return json_answer({"v": result.embeddings[0].vector}, headers=embedding_headers(result))


def refuse(error: RequestError) -> Response:
    return json_answer({"oops": error.message}, error.status)


DIALECT = Dialect("tiny", ("/tiny",), router, (WIDE,), refuse)
"""


@pytest.fixture
def with_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package with one more module, as if it lay there; without it afterwards."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / f"{NAME}.py").write_text(MODULE)
    monkeypatch.setattr(
        imgvec.dialects, "__path__", [*imgvec.dialects.__path__, str(tmp_path / "more")]
    )
    all_dialects.cache_clear()
    yield
    sys.modules.pop(f"imgvec.dialects.{NAME}", None)
    vars(imgvec.dialects).pop(NAME, None)
    all_dialects.cache_clear()


def test_one_module_is_a_dialect(with_tiny: None, tmp_path: Path, pictures: PictureServer) -> None:
    environment = server_environment(tmp_path / "data", pictures)
    key, _ = create_key("first", environment)
    cat = pictures.url("cat.jpg")

    with TestClient(create_app(load_settings(environment))) as client:
        good = client.get("/tiny/vector", params={"image": cat}, headers={"token": key})
        known = client.get("/imgembed", params={"img": cat, "key": key})
        bad = client.get("/tiny/vector", params={"image": cat}, headers={"token": "x"})
        unknown = client.get("/tiny/nothing")
        method = client.post("/tiny/vector")
        outside = client.get("/tinyvector")

    assert good.status_code == 200, good.text
    assert_unit(good.json()["v"], 1024)
    assert_made_headers(good, 1024)
    assert bits(good.json()["v"]) == bits(known.json()["embedding"])
    assert (bad.status_code, set(bad.json())) == (401, {"oops"})
    assert (unknown.status_code, unknown.json()) == (404, {"oops": "Not Found"})
    assert (method.status_code, method.json()) == (405, {"oops": "Method Not Allowed"})
    assert method.headers["Allow"] == "GET"
    assert outside.json() == {"error": "Not Found"}


def test_an_alias_that_leads_nowhere_stops_the_start(
    with_tiny: None, tmp_path: Path, pictures: PictureServer
) -> None:
    """A new dialect's own row of the table is checked like the others."""
    module = tmp_path / "more" / f"{NAME}.py"
    module.write_text(MODULE.replace("(1024,))", "(333,))"))
    with pytest.raises(ModelError, match=r"tiny.*tiny-wide.*333"):
        create_app(load_settings(server_environment(tmp_path / "data", pictures)))


def test_nothing_is_left_behind() -> None:
    """Runs last in this file: other tests see the four vendors' dialects only."""
    assert [one.name for one in all_dialects()] == ["coreviz", "memories.ai", "pixlab"]

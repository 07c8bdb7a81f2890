"""A new dialect is one new package: nothing else has to change."""

import base64
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

import imgvec.dialects
from imgvec.api.application import close
from imgvec.app import create_app
from imgvec.dialects import all_dialects, all_heads, head_of
from imgvec.settings import load_settings
from tests.support.contract.checks import NOT_FOUND, assert_made_headers, assert_unit, bits
from tests.support.server.places import PictureServer, Place, create_key, server_environment

NAME = "tiny_vendor"
INIT = '''
"""A tiny vendor."""

from imgvec.request_head import RequestHead, raw

HEAD = RequestHead(("/v1",), headers={"token": raw}, mounts=("/tiny", "/small"))
'''
ROUTES = '''
"""Lists of images and texts, answers in base64, the key in a header of its own."""

import base64

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from imgvec.aliases import Alias
from imgvec.api.mounts import (
    Dialect, context_of, embedding_headers, embedding_of, json_answer, services_of
)
from imgvec.api.openapi import STRING, Shape, answers, fields, key_place, operation
from imgvec.api.request import JSON, read_call
from imgvec.dialects.tiny_vendor import HEAD
from imgvec.embedding.written import is_url, linked_image
from imgvec.embedding.types import ImageInput, TextInput, each
from imgvec.errors import BadParameter, RequestError

NAME = "tiny"
WIDE = Alias("tiny-wide", (1024,))
router = APIRouter()


class TinyVectors(Shape):
    """The answer."""

    v: list[str]


class TinyProblem(Shape):
    """The error envelope."""

    oops: str


@router.post(
    "/v1/vectors",
    openapi_extra=operation(json=fields(("things",), things={"type": "array", "items": STRING})),
    responses=answers(TinyVectors, TinyProblem, 400, 418),
)
async def vectors(request: Request) -> Response:
    services = services_of(request)
    call = await read_call(request, (JSON,), services.settings.max_body)
    principal = await services.authenticate(HEAD.keys(call.headers.items()))
    given = call.fields.one("things")
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise BadParameter("things must be strings")
    limit = services.settings.max_image
    parts = [
        ImageInput(linked_image(one, limit)) if is_url(one) else TextInput(one) for one in given
    ]
    context = context_of(request, call, NAME)
    result = await embedding_of(request).embed(principal, each(parts, 1024), context)
    encoded = [base64.b64encode(one.vector.tobytes()).decode() for one in result.embeddings]
    return json_answer({"v": encoded}, headers=embedding_headers(result))


def error_response(error: RequestError, scope: Scope) -> Response:
    return json_answer({"oops": error.message}, 418 if error.status == 401 else error.status)


DIALECT = Dialect(
    NAME, HEAD, router, (WIDE,), error_response,
    {"tiny token": key_place("token", "header", "Key")},
)
'''


@pytest.fixture
def with_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The dialects with one more package, as if it lay there; without it afterwards."""
    package = tmp_path / "more" / NAME
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(INIT)
    (package / "routes.py").write_text(ROUTES)
    monkeypatch.setattr(
        imgvec.dialects, "__path__", [*imgvec.dialects.__path__, str(tmp_path / "more")]
    )
    all_dialects.cache_clear()
    all_heads.cache_clear()
    yield package / "routes.py"
    for module in (f"imgvec.dialects.{NAME}.routes", f"imgvec.dialects.{NAME}"):
        sys.modules.pop(module, None)
    vars(imgvec.dialects).pop(NAME, None)
    all_dialects.cache_clear()
    all_heads.cache_clear()


@pytest.fixture
def tiny(with_tiny: Path, tmp_path: Path, pictures: PictureServer) -> Iterator[Place]:
    """An application that has it."""
    environment = server_environment(tmp_path / "data", pictures)
    key, _ = create_key("first", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        yield Place("tiny", client, key, "", "", environment)


@pytest.mark.parametrize("mount", ["/tiny", "/small"])
def test_one_package_is_a_dialect(tiny: Place, pictures: PictureServer, mount: str) -> None:
    cat = pictures.url("cat.jpg")
    client, headers = tiny.client, {"token": tiny.key}
    things = [cat, "a cat", cat]
    good = client.post(f"{mount}/v1/vectors", json={"things": things}, headers=headers)
    known = client.get("/imgembed", params={"img": cat, "key": tiny.key})

    assert good.status_code == 200, good.text
    decoded = [np.frombuffer(base64.b64decode(one), np.float32) for one in good.json()["v"]]
    for vector in decoded:
        assert_unit(vector.tolist(), 1024)
    assert_made_headers(good, 1024)
    assert decoded[0].tobytes() == decoded[2].tobytes() != decoded[1].tobytes()
    assert bits(decoded[0].tolist()) == bits(known.json()["embedding"])


@pytest.mark.parametrize("mount", ["/tiny", "/small"])
def test_its_own_errors_below_each_of_its_mounts(tiny: Place, mount: str) -> None:
    client, headers = tiny.client, {"token": "x"}
    bad = client.post(f"{mount}/v1/vectors", json={"things": ["a cat"]}, headers=headers)
    none = client.post(f"{mount}/v1/vectors", json={})
    unknown = client.get(f"{mount}/v1/nothing")
    method = client.get(f"{mount}/v1/vectors")

    assert (bad.status_code, set(bad.json())) == (418, {"oops"})
    assert none.status_code == 418
    assert (unknown.status_code, unknown.json()) == (404, {"oops": NOT_FOUND})
    assert (method.status_code, method.json()) == (405, {"oops": "Method Not Allowed"})
    assert method.headers["Allow"] == "POST"
    for outside in (f"{mount}/v2/vectors", mount, f"{mount}/v1vectors"):
        assert client.get(outside).json() == {"error": NOT_FOUND}


def test_the_gateways_authorizer_knows_its_key_place(with_tiny: Path) -> None:
    head = head_of("/small/v1/vectors")
    assert head is not None
    assert head.keys([("token", "k"), ("authorization", "other")]) == {"k"}


def test_it_is_described_once(tiny: Place) -> None:
    described = tiny.client.get("/openapi.json").json()
    assert "/tiny/v1/vectors" in described["paths"]
    assert "/small/v1/vectors" not in described["paths"]
    operation = described["paths"]["/tiny/v1/vectors"]["post"]
    assert operation["security"] == [{"tiny token": []}]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert {"TinyVectors", "TinyProblem"} <= references <= described["components"]["schemas"].keys()


def test_an_alias_that_leads_nowhere_is_off_and_in_the_list(
    with_tiny: Path, tmp_path: Path, pictures: PictureServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A new dialect's own row of the table is checked like the others."""
    caplog.set_level(logging.INFO, "imgvec.app")
    with_tiny.write_text(ROUTES.replace("(1024,))", "(333,))"))
    app = create_app(load_settings(server_environment(tmp_path / "data", pictures)))
    close(app)
    assert app.state.off == {"tiny": {"tiny-wide": {333}}}
    assert re.search(r"^  tiny +tiny-wide +off: 333$", caplog.text, re.MULTILINE)
    assert "333 dimensions: none is built here" in caplog.text


def test_a_router_within_another_stops_the_start(
    with_tiny: Path, tmp_path: Path, pictures: PictureServer
) -> None:
    """The intake would not find its routes, and read their bodies whatever the key."""
    nested = ROUTES.replace(
        "DIALECT =", "outer = APIRouter()\nouter.include_router(router)\nDIALECT ="
    )
    with_tiny.write_text(nested.replace("NAME, HEAD, router", "NAME, HEAD, outer"))
    with pytest.raises(ValueError, match="tiny includes a router in another one"):
        create_app(load_settings(server_environment(tmp_path / "data", pictures)))


def mounted_at(mount: str, prefix: str, package: Path) -> None:
    changed = INIT.replace('("/tiny", "/small")', f'("{mount}",)')
    (package / "__init__.py").write_text(changed.replace('("/v1",)', f'("{prefix}",)'))


@pytest.mark.parametrize(("mount", "prefix"), [("/serve/api", "/v2"), ("", "/imgembed")])
def test_a_prefix_that_is_taken_stops_the_start(
    with_tiny: Path, tmp_path: Path, pictures: PictureServer, mount: str, prefix: str
) -> None:
    mounted_at(mount, prefix, with_tiny.parent)
    with pytest.raises(ValueError, match=f"Two dialects are mounted at {mount + prefix}"):
        create_app(load_settings(server_environment(tmp_path / "data", pictures)))


@pytest.mark.parametrize("mount", ["/imgembed", "/serve/api/v2"])
def test_the_longer_of_two_nested_prefixes_owns_a_path(
    with_tiny: Path, tmp_path: Path, pictures: PictureServer, mount: str
) -> None:
    mounted_at(mount, "/v1", with_tiny.parent)
    with TestClient(
        create_app(load_settings(server_environment(tmp_path / "data", pictures)))
    ) as c:
        assert c.get(f"{mount}/v1/nothing").json() == {"oops": NOT_FOUND}
        assert head_of(f"{mount}/v1/nothing") is head_of(f"{mount}/v1")
        assert c.get("/serve/api/v2/nothing").json()["code"] == 404
        assert c.get("/imgembed/nothing").json()["status"] == 404


def test_nothing_is_left_behind() -> None:
    """Runs last in this file: other tests see the vendors' dialects only."""
    assert [one.name for one in all_dialects()] == [
        "bedrock",
        "cohere",
        "coreviz",
        "memories.ai",
        "openai",
        "pixlab",
        "weaviate",
    ]

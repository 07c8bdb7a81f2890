"""The page at `/docs`: its files, its headers, and how little of it is deployed."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31
from starlette.testclient import TestClient

from imgvec.api import docs
from imgvec.api.openapi import STRING, Schema, fields, named, shared
from imgvec.app import create_app
from imgvec.dialects import all_dialects
from imgvec.settings import Settings
from llms import served_txt
from tests.support.http.strict_page import assert_strict
from tests.support.server.places import ROOT

VENDORED = docs.PAGES / "swagger-ui"
DESCRIBED = json.loads((ROOT / "openapi.json").read_text())
OPERATIONS = [operation for path in DESCRIBED["paths"].values() for operation in path.values()]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """An application, in process."""
    with TestClient(create_app(Settings(data=tmp_path))) as client:
        yield client


def test_vendored_files_are_those_that_were_published() -> None:
    listed = re.findall(r"^([0-9a-f]{64})  (\S+)$", (VENDORED / "README.md").read_text(), re.M)
    found = [path for path in VENDORED.iterdir() if path.name != "README.md"]
    assert {path.name for path in found} == {name for _, name in listed}
    for digest, name in listed:
        assert hashlib.sha256((VENDORED / name).read_bytes()).hexdigest() == digest, name


def test_page_and_its_files_are_served_with_what_keeps_strangers_out(client: TestClient) -> None:
    assert_strict(client, ("/docs", *(f"/docs/{name}" for name in docs.ASSETS)))
    page = client.get("/docs").text
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert [path for path in named if path.startswith("docs/")], "relative, below any prefix"
    for path in named:
        assert path.startswith("data:") or client.get(f"/{path}").status_code == 200, path


def test_the_index_for_language_models_is_served(client: TestClient) -> None:
    answer = client.get("/llms.txt")
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        "text/plain; charset=utf-8",
    )
    assert answer.text == served_txt(), "run `make docs`"
    for path in re.findall(r"\]\(([^)]+)\)", answer.text):
        assert client.get(f"/{path}").status_code == 200, path
    for dialect in all_dialects():
        assert any(path in answer.text for path in dialect.head.owned), dialect.name


@pytest.mark.parametrize("name", ["README.md", "swagger-ui", "..%2f..%2fsettings.py", "docs.html"])
def test_no_other_file_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404


def test_where_the_files_are_not_the_page_leads_to_the_description(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs, "PAGES", tmp_path)
    answer = client.get("/docs")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert 'href="openapi.json"' in answer.text
    assert "<script" not in answer.text
    assert client.get("/llms.txt").status_code == 404


def test_images_for_aws_are_built_without_the_page() -> None:
    function = (ROOT / "layers" / "core" / "left-out.txt").read_text().splitlines()
    assert "imgvec/pages" in function
    serving = (ROOT / "infra" / "sagemaker" / "Dockerfile").read_text().splitlines()
    copied = serving.index("COPY layers/core/imgvec packages/imgvec")
    assert serving[copied + 1] == "RUN rm -rf packages/imgvec/pages"


def test_the_description_is_openapi() -> None:
    judge = jsonschema_rs.validator_for(OPENAPI_31)
    assert judge.is_valid(DESCRIBED)
    assert not judge.is_valid({**DESCRIBED, "paths": {"/x": {"get": {"responses": []}}}})


def test_operations_have_names_that_a_client_could_have() -> None:
    names = [operation["operationId"] for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    vendors = "bedrock|cohere|coreviz|memories|openai|pixlab|voyage|weaviate"
    for name in names:
        assert re.fullmatch(rf"(get|{vendors})(_[a-z0-9]+)+", name), name


def test_every_place_of_a_key_is_one_that_authorize_offers() -> None:
    schemes = DESCRIBED["components"]["securitySchemes"]
    places = {(s.get("in"), s.get("name") or s.get("scheme")) for s in schemes.values()}
    assert places == {
        ("header", "x-api-key"),
        (None, "basic"),
        (None, "bearer"),
        ("query", "key"),
        ("header", "WWW-Authenticate"),
        ("header", "X-Amz-Security-Token"),
        ("header", "Authorization"),
    }
    named = {name for o in OPERATIONS for one in o.get("security", ()) for name in one}
    assert named == set(schemes)


FAILED = [
    (operation["operationId"], status, answer["content"]["application/json"])
    for operation in OPERATIONS
    for status, answer in operation["responses"].items()
    if int(status) >= 400
]


def test_every_object_of_a_request_has_a_name() -> None:
    """Generated clients number those that have none."""
    for operation in OPERATIONS:
        for content in operation.get("requestBody", {"content": {}})["content"].values():
            assert "properties" not in json.dumps(content["schema"]), operation["operationId"]
    for name, schema in DESCRIBED["components"]["schemas"].items():
        for one in schema.get("properties", {}).values():
            assert '"properties"' not in json.dumps(one), name


def test_a_name_is_of_one_schema() -> None:
    schemas: Schema = {}
    one = named("Thing", fields((), title=STRING))
    assert shared([one, one], schemas) == [{"$ref": "#/components/schemas/Thing"}] * 2
    assert list(schemas) == ["Thing"]
    with pytest.raises(ValueError, match="Two schemas are called Thing"):
        shared(named("Thing", fields(())), schemas)


def test_each_failure_of_each_operation_has_examples() -> None:
    assert len(FAILED) > 200
    for name, status, content in FAILED:
        values = [example["value"] for example in content["examples"].values()]
        assert values, (name, status)
        assert all(values.count(value) == 1 for value in values), (name, status)
        for value in values:
            assert value.get("success") is not True
            mirrored = [value[key] for key in ("code", "status") if isinstance(value.get(key), int)]
            assert mirrored == [int(status)] * len(mirrored)


def test_examples_are_of_their_schemas() -> None:
    """Of failures and of requests."""
    schemas = {"components": DESCRIBED["components"]}
    contents = [(name, content) for name, _, content in FAILED]
    for operation in OPERATIONS:
        for content in operation.get("requestBody", {"content": {}})["content"].values():
            contents.append((operation["operationId"], content))
    for name, content in contents:
        judge = jsonschema_rs.validator_for({**content["schema"], **schemas})
        for title, example in content.get("examples", {}).items():
            errors = [error.message for error in judge.iter_errors(example["value"])]
            assert not errors, (name, title, errors)


def test_an_example_is_of_an_error_that_the_operation_has() -> None:
    titles = {(name, status): set(content["examples"]) for name, status, content in FAILED}
    assert "an unknown model" in titles["openai_create_embeddings", "404"]
    assert "a used-up quota" in titles["openai_create_embeddings", "402"], "at Voyage"
    assert titles["memories_upload_file", "402"] == {"a used-up storage quota"}
    assert "a URL that does not open" not in titles["memories_embed_text", "400"]
    assert "an unknown asset" not in titles["coreviz_embed", "400"]

"""What `openapi.json` promises, held by requests drawn from it, good and bad, in process."""

from collections.abc import Iterator

import orjson
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import DataObject, data
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from imgvec.api.application import close
from imgvec.app import create_app
from imgvec.settings import load_settings
from tests.support.server.places import ROOT, PictureServer, create_key, server_environment

EXAMPLES = 10
"""Requests for each operation."""
NO_PICTURES = PictureServer("127.0.0.1:2", {})
SCHEMA = schemathesis.openapi.from_path(ROOT / "openapi.json")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
"""Not that good data is accepted: the schema cannot say "exactly one of these fields"."""
OPERATIONS = {
    found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)
}

DRAWN = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # Any text is a path and a query; only bodies can be wrong.
    if operation.body or mode is GenerationMode.POSITIVE
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    """An application, and a good key of it."""
    environment = server_environment(tmp_path_factory.mktemp("openapi"), NO_PICTURES)
    key, _ = create_key("first", environment)
    app = create_app(load_settings(environment))
    yield app, key
    close(app)


def test_every_operation_is_drawn_from() -> None:
    described = orjson.loads((ROOT / "openapi.json").read_bytes())["paths"]
    assert len(OPERATIONS) == sum(len(path) for path in described.values())


@pytest.mark.parametrize(("label", "mode"), DRAWN)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(drawn=data())
def test_no_drawn_request_is_our_fault(
    label: str, mode: GenerationMode, served: tuple[FastAPI, str], drawn: DataObject
) -> None:
    app, key = served
    case = drawn.draw(OPERATIONS[label].as_strategy(generation_mode=mode))
    places = ("x-api-key", "WWW-Authenticate", "Authorization", "X-Amz-Security-Token")
    keys = dict.fromkeys(places, key)
    case.call_and_validate(app=app, headers=keys, checks=CHECKS)

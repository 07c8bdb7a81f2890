"""The examples of requests in openapi.json work as they stand, and answers are of their schemas."""

import json
from typing import Any

import jsonschema_rs
import pytest

from tests.support.server.places import ROOT, Place

OWN = ("a URL of yours", "an asset of yours")
"""Examples with something that only the reader has."""
DESCRIBED = json.loads((ROOT / "openapi.json").read_text())
REQUESTS = [
    pytest.param(
        path,
        title,
        example["value"],
        operation["responses"]["200"],
        id=f"{operation['operationId']}, {title}",
    )
    for path, operations in DESCRIBED["paths"].items()
    for operation in operations.values()
    for content in operation.get("requestBody", {"content": {}})["content"].values()
    for title, example in content.get("examples", {}).items()
]
KEYS = {"WWW-Authenticate": "{}", "X-Amz-Security-Token": "{}", "Authorization": "Bearer {}"}


@pytest.mark.parametrize(("path", "title", "body", "described"), REQUESTS)
def test_a_request(
    place: Place, path: str, title: str, body: Any, described: dict[str, Any]
) -> None:
    headers = {name: form.format(place.key) for name, form in KEYS.items()}
    answer = place.client.post(path, json=body, headers=headers)
    assert (answer.status_code == 200) == (title not in OWN), answer.text
    if answer.status_code == 200:
        schema = described["content"]["application/json"]["schema"]
        judge = jsonschema_rs.validator_for({**schema, "components": DESCRIBED["components"]})
        assert not [error.message for error in judge.iter_errors(answer.json())]


def test_every_body_of_json_has_an_example() -> None:
    for path, operations in DESCRIBED["paths"].items():
        for operation in operations.values():
            content = operation.get("requestBody", {"content": {}})["content"]
            assert "examples" in content.get("application/json", {"examples": {}}), path

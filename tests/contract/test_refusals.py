"""Outcomes that no request can produce yet, asked of the dialects themselves."""

import json

import pytest
from starlette.types import Scope

from imgvec.dialects import all_dialects
from imgvec.errors import (
    InternalFault,
    KeyDisabled,
    NotReady,
    QuotaExhausted,
    RequestError,
    SpaceForbidden,
    TooFast,
)

SPENT = "Quota used up, RateLimit-Reset has the seconds until it is back"
TOO_FAST = "Too many requests, Retry-After has the seconds to wait"

REFUSALS: dict[str, tuple[RequestError, dict[str, tuple[int, dict[str, object]]]]] = {
    "quota": (
        QuotaExhausted(),
        {
            "coreviz": (402, {"error": "Payment Required", "message": "Insufficient credits"}),
            "pixlab": (402, {"status": 402, "error": SPENT}),
            "cohere": (402, {"message": SPENT}),
            "memories.ai": (402, {"code": 402, "msg": SPENT}),
            "weaviate": (402, {"error": SPENT}),
            "bedrock": (400, {"message": SPENT}),
        },
    ),
    "space": (
        SpaceForbidden(),
        {
            "coreviz": (403, {"error": "Forbidden", "message": "This key may not use this model"}),
            "pixlab": (403, {"status": 403, "error": "This key may not use this model"}),
            "cohere": (403, {"message": "This key may not use this model"}),
            "memories.ai": (403, {"code": 403, "msg": "This key may not use this model"}),
            "weaviate": (403, {"error": "This key may not use this model"}),
            "bedrock": (403, {"message": "This key may not use this model"}),
        },
    ),
    "disabled": (
        KeyDisabled(),
        {
            "coreviz": (401, {"error": "Unauthorized", "message": "Invalid or missing API key"}),
            "pixlab": (401, {"status": 401, "error": "Missing/Invalid PixLab API Key"}),
            "cohere": (401, {"message": "API key disabled"}),
            "memories.ai": (403, {"code": 403, "msg": "API key disabled"}),
            "weaviate": (401, {"error": "API key disabled"}),
            "bedrock": (403, {"message": "API key disabled"}),
        },
    ),
    "too fast": (
        TooFast(retry_after=7),
        {
            "coreviz": (429, {"error": "Too Many Requests", "message": TOO_FAST}),
            "pixlab": (429, {"status": 429, "error": TOO_FAST}),
            "cohere": (429, {"message": TOO_FAST}),
            "memories.ai": (429, {"code": 429, "msg": TOO_FAST}),
            "weaviate": (429, {"error": TOO_FAST}),
            "bedrock": (429, {"message": TOO_FAST}),
        },
    ),
    "fault": (
        InternalFault(),
        {
            "coreviz": (500, {"error": "Internal Server Error", "message": "Internal error"}),
            "pixlab": (500, {"status": 500, "error": "Internal error"}),
            "cohere": (500, {"message": "Internal error"}),
            "memories.ai": (500, {"code": 500, "msg": "Internal error"}),
            "weaviate": (500, {"error": "Internal error"}),
            "bedrock": (500, {"message": "Internal error"}),
        },
    ),
    "starting": (
        NotReady(),
        {
            "coreviz": (503, {"error": "Service Unavailable"}),
            "pixlab": (503, {"status": 503}),
            "cohere": (503, {}),
            "memories.ai": (503, {"code": 503}),
            "weaviate": (503, {}),
            "bedrock": (503, {}),
        },
    ),
}
RETRY_AFTER = {"too fast": "7", "starting": "1"}
FIELDS = {
    "coreviz": {"error", "message"},
    "pixlab": {"status", "error"},
    "cohere": {"id", "message"},
    "memories.ai": {"code", "msg", "data", "success", "failed"},
    "weaviate": {"error"},
    "bedrock": {"message"},
}
FAILURE: dict[str, object] = {"data": None, "success": False, "failed": True}


SCOPE: Scope = {"type": "http", "path": "/", "headers": []}


@pytest.mark.parametrize("dialect", list(FIELDS))
@pytest.mark.parametrize("outcome", list(REFUSALS))
def test_refusal(dialect: str, outcome: str) -> None:
    error, expected = REFUSALS[outcome]
    status, content = expected[dialect]
    error_response = next(one.error_response for one in all_dialects() if one.name == dialect)

    response = error_response(error, SCOPE)

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    body = json.loads(bytes(response.body))
    assert set(body) == FIELDS[dialect]
    whole = {**content, **(FAILURE if dialect == "memories.ai" else {})}
    assert {name: body[name] for name in whole} == whole
    assert response.headers.get("Retry-After") == RETRY_AFTER.get(outcome)

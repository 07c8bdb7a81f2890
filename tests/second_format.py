"""HTTP as events of format 2.0: what an HTTP API and a function URL make of it."""

import base64
import json
import uuid
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

import httpx2
import pytest

from gateway import MAX_EVENT, Event, response_of

DOMAIN: Final = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws"
UNSEEN: Final = "$default"
"""The stage that is in no path."""
TEXT: Final = ("text/", "application/json", "application/javascript", "application/xml")
"""Bodies of these types come as they are, all others as base64."""


def second_event_of(request: httpx2.Request, stage: str = UNSEEN, request_id: str = "") -> Event:
    """The event of a request; a stage with a name stands in the path that callers see."""
    path, _, query = request.url.raw_path.partition(b"?")
    headers: dict[str, str] = {}
    for name, value in request.headers.raw:
        known = headers.get(name.decode().lower())
        text = value.decode("latin-1")
        headers[name.decode().lower()] = text if known is None else f"{known},{text}"
    for hop in ("connection", "transfer-encoding"):
        headers.pop(hop, None)
    body = request.read()
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(path.decode()),
        "rawQueryString": query.decode(),
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": request.headers["host"].partition(".")[0],
            "domainName": request.headers["host"],
            "domainPrefix": request.headers["host"].partition(".")[0],
            "http": {
                "method": request.method,
                "path": unquote(path.decode()),
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "imgvec",
            },
            "requestId": request_id or str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": stage,
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000,
        },
        "isBase64Encoded": False,
    }
    return {**event, **_body(body, headers.get("content-type", ""))}


def _body(body: bytes, media_type: str) -> Event:
    if not body:
        return {}
    if media_type.lower().startswith(TEXT):
        try:
            return {"body": body.decode()}
        except UnicodeDecodeError:
            pytest.skip("what AWS makes of text that is not UTF-8 is not documented")
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


class FunctionUrlTransport(httpx2.BaseTransport):
    """Passes requests to one function as events of format 2.0."""

    def __init__(self, invoke: Callable[[Event], Event], stage: str = UNSEEN) -> None:
        """`invoke` calls the function and gives its answer."""
        self._invoke = invoke
        self._stage = stage

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request; a test whose request Lambda would never see ends here."""
        event = second_event_of(request, self._stage)
        if len(json.dumps(event)) > MAX_EVENT:
            pytest.skip("AWS answers 413 by itself")
        return response_of(self._invoke(event))

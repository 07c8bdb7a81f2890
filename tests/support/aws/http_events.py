"""HTTP as events of format 2.0: what an HTTP API and a function URL make of it."""

import uuid
from typing import Final
from urllib.parse import unquote

import httpx2

from tests.support.aws.rest_events import Event, body_of

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
    host = request.headers["host"]
    content = request.read()
    binary = not headers.get("content-type", "").lower().startswith(TEXT)
    body = body_of(content, binary)
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(path.decode()),
        "rawQueryString": query.decode(),
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": host.partition(".")[0],
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
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
        "isBase64Encoded": binary and bool(content),
    }
    return event if body is None else {**event, "body": body}

"""What API Gateway makes of HTTP: events of a REST API's proxy integration, and answers of them."""

import base64
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import httpx2
import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.support.server.places import ROOT

BINARY: Final = ("multipart/form-data", "application/octet-stream", "image/")
"""As in the template's `BinaryMediaTypes`."""
MAX_EVENT: Final = 6_291_556
"""What Lambda takes, in bytes."""
STAGE: Final = "v1"
HOST: Final = "abcdefghij.execute-api.eu-west-1.amazonaws.com"
GATEWAY: Final = f"https://{HOST}/{STAGE}"
Event = dict[str, Any]
MakeEvent = Callable[[httpx2.Request], Event]


def event_of(request: httpx2.Request, request_id: str = "", when: float = 0.0) -> Event:
    """The event of a request at the gateway's own address, without what a REST API drops.

    The authorizer is taken to have seen `WWW-Authenticate` and to hand it on.
    """
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.raw:
        headers.setdefault(name.decode().title(), []).append(value.decode("latin-1"))
    for hop in ("Connection", "Content-Length", "Transfer-Encoding"):
        headers.pop(hop, None)
    handed_on = headers.pop("Www-Authenticate", None)
    query = parse_qs(request.url.query.decode(), keep_blank_values=True)
    seen = unquote(request.url.raw_path.partition(b"?")[0].decode())
    path = seen.removeprefix(f"/{STAGE}") or "/"
    binary = headers.get("Content-Type", [""])[0].lower().startswith(BINARY)
    body = request.read()
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "authorizer": {"www_authenticate": handed_on[0]} if handed_on else None,
            "domainName": request.headers["host"],
            "httpMethod": request.method,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "imgvec"},
            "path": seen,
            "protocol": "HTTP/1.1",
            "requestId": request_id or str(uuid.uuid4()),
            "requestTimeEpoch": int((when or time.time()) * 1000),
            "resourceId": "proxy1",
            "resourcePath": "/{proxy+}",
            "stage": STAGE,
        },
        "body": body_of(body, binary),
        "isBase64Encoded": binary and bool(body),
    }


def response_of(answer: Event) -> httpx2.Response:
    """The HTTP response of a function's answer."""
    names = {**(answer.get("headers") or {})}
    headers = list(names.items()) + [
        (name, value)
        for name, values in (answer.get("multiValueHeaders") or {}).items()
        for value in values
        if name not in names
    ]
    body = answer["body"] or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return httpx2.Response(answer["statusCode"], headers=headers, content=content)


def possible_event_of(request: httpx2.Request, make: MakeEvent = event_of) -> Event:
    """The event of a request; a test whose request no function would ever see ends here."""
    event = make(request)
    if len(json.dumps(event)) > MAX_EVENT:
        pytest.skip("AWS answers 413 by itself")
    return event


class GatewayTransport(httpx2.BaseTransport):
    """Passes requests to functions as events; as a REST API does, unless `make` says otherwise."""

    def __init__(self, invoke: Callable[[Event], Event], make: MakeEvent = event_of) -> None:
        """`invoke` calls a function and gives its answer."""
        self._invoke = invoke
        self._make = make

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request; a test whose request Lambda would never see ends here."""
        return response_of(self._invoke(possible_event_of(request, self._make)))


@dataclass(frozen=True)
class RestApi:
    """The template's API over functions that run here: authorizer first, then the integration."""

    functions: Mapping[str, Callable[[Event], Event]]
    """By logical name."""

    def invoke(self, event: Event) -> Event:
        """Answer a proxy event; what the authorizer gives stands in its context."""
        answer = self.functions["AuthorizerFunction"](authorizer_event(event))
        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
        event["requestContext"]["authorizer"] = answer["context"]
        return self.functions[integration_of(event["path"])](event)


def authorizer_event(event: Event) -> Event:
    """What a REQUEST authorizer sees of a request: everything but the body."""
    context = event["requestContext"]
    handed_on = (context["authorizer"] or {}).get("www_authenticate")
    headers = {**event["headers"], **({"WWW-Authenticate": handed_on} if handed_on else {})}
    shown = {
        name: value for name, value in event.items() if name not in ("body", "isBase64Encoded")
    }
    arn = f"arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/{STAGE}/{event['httpMethod']}"
    return {"type": "REQUEST", "methodArn": arn + event["path"], **shown, "headers": headers}


@cache
def _resources() -> dict[str, str]:
    """The function behind each resource of the template's API."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    paths = template["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"]
    integrations = {
        path: methods["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]["uri"]
        for path, methods in paths.items()
    }
    return {path: re.findall(r"(\w+)\.Arn", str(uri))[0] for path, uri in integrations.items()}


def integration_of(path: str) -> str:
    """The function of the resource that a path goes to: step by step the nearest, never back."""
    resources = _resources()
    at = ""
    steps = [step for step in path.split("/") if step]
    for number, step in enumerate(steps):
        rest = "/".join(steps[number:])
        if f"{at}/{step}" in resources:
            at = f"{at}/{step}"
            continue
        variable = next((p for p in resources if re.fullmatch(re.escape(at) + r"/{\w+}", p)), None)
        if variable is None:
            assert f"{at}/{{proxy+}}" in resources, f"403 of the gateway for {rest}"
            return resources[f"{at}/{{proxy+}}"]
        at = variable
    return resources[at or "/"]


def body_of(body: bytes, binary: bool) -> str | None:
    """A body as it stands in an event."""
    if not body:
        return None
    if binary:
        return base64.b64encode(body).decode()
    try:
        return body.decode()
    except UnicodeDecodeError:
        pytest.skip("what API Gateway makes of text that is not UTF-8 is not documented")

"""Completes a request with data of the gateway's event that Mangum does not pass on.

Events have two formats: that of a REST API, and 2.0 of HTTP APIs and function URLs.
"""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.api.streaming import compressed
from imgvec.aws.gateway_keys.names import HANDED_ON
from imgvec.errors import BodyTooLarge

MAX_EVENT_BODY: Final = 6_000_000
"""Characters of an event's body. Lambda's limit is 6 MiB (6,291,456) for the whole event, which has
the headers twice; above it the gateway sends its own error, so this limit is lower."""


class Gateway:
    """ASGI middleware, the outermost one behind the adapter.

    It compresses responses to events of format 2.0 only: their gateways never compress, and accept
    binary responses for any `Accept`. A REST API compresses by itself, and accepts binary responses
    only if the first type in `Accept` is a binary one.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app
        self._compressed = compressed(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Complete the scope; a body over the limit is rejected when it is read."""
        event = scope["aws.event"]
        context = event["requestContext"]
        second = event.get("version") == "2.0"
        if second:
            scope["root_path"] = _stage_in(scope["path"], context)
        else:
            scope["root_path"] = _prefix(event)
            scope["path"] = scope["root_path"] + scope["path"]
        headers = MutableHeaders(scope=scope)
        if "domainName" in context:
            # Not the Host header, which a proxy before the gateway may have changed.
            headers["host"] = context["domainName"]
        dropped = (context.get("authorizer") or {}).get(HANDED_ON)
        if dropped:
            headers.setdefault("www-authenticate", dropped)
        too_large = len(event.get("body") or "") > MAX_EVENT_BODY
        app = self._compressed if second else self._app
        await app(scope, _reject_body if too_large else receive, send)


async def _reject_body() -> Message:
    """In place of `receive`: the key is checked first, then the dialect rejects the body."""
    raise BodyTooLarge.over(MAX_EVENT_BODY)


def _prefix(event: Mapping[str, object]) -> str:
    """The stage, which is in the URL at the gateway's own host name but not in `path`.

    At a custom domain both paths are the same, and the URL has no stage.
    """
    context = event["requestContext"]
    seen = str(context.get("path", "")) if isinstance(context, Mapping) else ""
    path = str(event["path"])
    return seen.removesuffix(path) if seen.endswith(path) else seen.rstrip("/")


def _stage_in(path: str, context: Mapping[str, object]) -> str:
    """The stage in events of format 2.0, where `path` has it.

    It is in no URL of the stage `$default`, the only one of a function URL.
    """
    prefix = f"/{context['stage']}"
    return prefix if f"{path}/".startswith(f"{prefix}/") else ""

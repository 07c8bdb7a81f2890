"""What a gateway knows of a request and the adapter does not pass on.

Events come in two formats: a REST API's, and 2.0, which is an HTTP API's and a function URL's.
"""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.api.compression import compressed
from imgvec.errors import TooLarge

MAX_EVENT_BODY: Final = 6_000_000
"""Characters of an event's body. Lambda takes 6 MiB (6,291,456) for the whole event, headers twice;
above that the gateway answers in words of its own, so the application's limit lies below."""

HANDED_ON: Final = "www_authenticate"
"""Where the authorizer puts a `WWW-Authenticate` header, which a REST API drops on its way here."""


class Gateway:
    """ASGI middleware around the application; it stands between the adapter and everything else.

    It compresses what no gateway would: one that sends format 2.0 compresses nothing, and takes
    bytes from a function whatever the caller accepts. A REST API compresses by itself, and takes
    bytes only where the first type in `Accept` is a binary one.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand around `app`."""
        self._app = app
        self._compressed = compressed(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Complete the scope; a body that is over the limit is refused when it is read."""
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
            # Not the Host header: a proxy before the gateway has its own.
            headers["host"] = context["domainName"]
        dropped = (context.get("authorizer") or {}).get(HANDED_ON)
        if dropped:
            headers.setdefault("www-authenticate", dropped)
        too_large = len(event.get("body") or "") > MAX_EVENT_BODY
        app = self._compressed if second else self._app
        await app(scope, _refuse_body if too_large else receive, send)


async def _refuse_body() -> Message:
    """Stands for the body, so that the key is judged first and the dialect says what is wrong."""
    raise TooLarge


def _prefix(event: Mapping[str, object]) -> str:
    """The stage on the gateway's own address, where callers see it and `path` has none of it.

    At a custom domain both paths are the same, and callers see no stage.
    """
    context = event["requestContext"]
    seen = str(context.get("path", "")) if isinstance(context, Mapping) else ""
    path = str(event["path"])
    return seen.removesuffix(path) if seen.endswith(path) else seen.rstrip("/")


def _stage_in(path: str, context: Mapping[str, object]) -> str:
    """The same where the path has it already: events of format 2.0 name a stage that callers see.

    `$default` is the stage that they do not see, and the only one of a function URL.
    """
    prefix = f"/{context['stage']}"
    return prefix if f"{path}/".startswith(f"{prefix}/") else ""

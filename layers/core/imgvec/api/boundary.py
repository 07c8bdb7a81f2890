"""The outermost layer: a request id, one log line, and no exception that escapes.

Frameworks have their own response to an unhandled exception, Mangum's is plain text; here it
becomes an error response of the dialect that owns the path.
"""

import asyncio
import logging
import secrets
import time
import traceback
from collections.abc import Callable
from typing import Final, TypeAlias

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgvec.errors import ImgvecError, InternalFault, RequestError
from imgvec.request_log import begin

REQUEST_ID: Final = "imgvec.request_id"
"""Key of the request's id in the ASGI scope."""
MATCHED: Final = "imgvec.dialect"
"""Key of the dialect that owns the path, in the ASGI scope."""
ErrorResponse: TypeAlias = Callable[[Scope, RequestError], Response]
"""Makes the error response to a request."""
log = logging.getLogger(__name__)
requests = logging.getLogger("imgvec.requests")
"""One line for each request and nothing else: deployments make their metrics of them."""


class Boundary:
    """ASGI middleware; `error_response` has the envelope of the dialect that owns the path."""

    def __init__(self, app: ASGIApp, error_response: ErrorResponse) -> None:
        """Wrap `app`."""
        self._app = app
        self._error_response = error_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer it with 500 if it raises."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = begin(_request_id(scope), scope["method"])
        scope[REQUEST_ID] = record.request_id
        started = time.perf_counter()

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = record.request_id
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except ClientDisconnect:
            record.status = 499
        except asyncio.CancelledError:
            record.status = 499
            raise
        except Exception as fault:
            # Nothing outside can answer any more. Of a foreign exception only type and location are
            # logged: its message may hold a part of the request.
            log.error("fault id=%s %s", record.request_id, _summary(fault))
            if not record.status:
                answer = self._error_response(scope, InternalFault())
                await answer(scope, receive, send_marked)
        finally:
            record.route = _route(scope)
            record.dialect = getattr(scope.get(MATCHED), "name", "")
            record.milliseconds = (time.perf_counter() - started) * 1000
            requests.info(
                "%s %s %d %.1f ms id=%s",
                record.method,
                record.route,
                record.status,
                record.milliseconds,
                record.request_id,
                extra={"request": record},
            )


def own_path(scope: Scope) -> str:
    """The path relative to the application: without the prefix it is mounted under."""
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def _request_id(scope: Scope) -> str:
    """Lambda's request id behind Mangum, else a random one; never one that a client sent."""
    context = scope.get("aws.context")
    return str(getattr(context, "aws_request_id", "") or secrets.token_hex(16))


def _route(scope: Scope) -> str:
    """The route's template, as it is logged: the raw path may contain ids."""
    return str(getattr(scope.get("route"), "path", "(unknown path)"))


def _summary(fault: Exception) -> str:
    sentence = f" ({fault})" if isinstance(fault, ImgvecError) else ""
    return _whereabouts(fault) + sentence


def _whereabouts(fault: Exception) -> str:
    frames = traceback.extract_tb(fault.__traceback__)[-3:]
    return " < ".join([type(fault).__name__, *(f"{f.name}:{f.lineno}" for f in reversed(frames))])

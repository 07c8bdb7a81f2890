"""The outermost layer: a request id, one log line, and no exception that escapes.

Frameworks answer a crash with words of their own, and Mangum in plain text; here it becomes an
error of the dialect whose path was called.
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
"""Where the scope has the request's id."""
ErrorResponse: TypeAlias = Callable[[Scope, RequestError], Response]
"""Makes the response to a request that failed."""
log = logging.getLogger(__name__)
requests = logging.getLogger("imgvec.requests")
"""One line a request, and nothing else: a deployment makes its metrics of them."""


class Boundary:
    """ASGI middleware; `error_response` has the envelope of the dialect that owns the path."""

    def __init__(self, app: ASGIApp, error_response: ErrorResponse) -> None:
        """Stand around `app`."""
        self._app = app
        self._error_response = error_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer it here if nothing else did."""
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
            # The last place that can answer. Of a fault that is not ours only the kind and where it
            # arose are logged: its message may hold what the caller sent.
            log.error("fault id=%s %s", record.request_id, _told(fault))
            if not record.status:
                answer = self._error_response(scope, InternalFault())
                await answer(scope, receive, send_marked)
        finally:
            record.route = _route(scope)
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
    """The path as the application's routes know it: without the prefix it is mounted under."""
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def _request_id(scope: Scope) -> str:
    """Lambda's own id behind Mangum, else a random one; never one that a client sent."""
    context = scope.get("aws.context")
    return str(getattr(context, "aws_request_id", "") or secrets.token_hex(16))


def _route(scope: Scope) -> str:
    """The route's template. The path itself may hold what is nobody's business."""
    return str(getattr(scope.get("route"), "path", "(unknown path)"))


def _told(fault: Exception) -> str:
    sentence = f" ({fault})" if isinstance(fault, ImgvecError) else ""
    return _whereabouts(fault) + sentence


def _whereabouts(fault: Exception) -> str:
    frames = traceback.extract_tb(fault.__traceback__)[-3:]
    return " < ".join([type(fault).__name__, *(f"{f.name}:{f.lineno}" for f in reversed(frames))])

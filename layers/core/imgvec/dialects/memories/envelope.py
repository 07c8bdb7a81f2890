"""memories.ai's envelope: one shape for every response; `code` equals the HTTP status."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from imgvec.api.mounts import (
    StatusTable,
    error_headers,
    json_answer,
    services_of,
    status_of,
)
from imgvec.api.request import Call, read_call
from imgvec.dialects.memories import HEAD
from imgvec.errors import FetchFailed, KeyDisabled, RequestError, TooLarge
from imgvec.types import Principal

STATUSES: Final[StatusTable] = {FetchFailed: 400, TooLarge: 400, KeyDisabled: 403}
UNAUTHORIZED: Final = "Unauthorized"
TOO_LARGE: Final = "Request has exceeded the limit."


def success(data: object, headers: Mapping[str, str] | None = None) -> Response:
    """A 200 in the envelope."""
    content = {"code": 200, "msg": "success", "data": data, "success": True, "failed": False}
    return json_answer(content, 200, headers)


def error_response(error: RequestError, scope: Scope) -> Response:
    """The vendor's error envelope."""
    status = status_of(error, STATUSES)
    message = error.message
    if status == 401:
        message = UNAUTHORIZED
    elif isinstance(error, TooLarge):
        message = TOO_LARGE
    content = {"code": status, "msg": message, "data": None, "success": False, "failed": True}
    return json_answer(content, status, error_headers(error))


def keys_of(call: Call) -> frozenset[str]:
    """The key in `Authorization`, raw or behind `Bearer`."""
    return HEAD.keys(call.headers.items())


async def authenticated(request: Request, accepted: tuple[str, ...]) -> tuple[Call, Principal]:
    """The request and its principal; errors of the key are raised before those of the body."""
    call = await _read(request, accepted)
    return call, await services_of(request).authenticate(keys_of(call))


async def admitted(request: Request, accepted: tuple[str, ...]) -> tuple[Call, Principal]:
    """The same for a route that embeds nothing, within the rate of the principal's plan."""
    call = await _read(request, accepted)
    return call, await services_of(request).admit(keys_of(call))


async def _read(request: Request, accepted: tuple[str, ...]) -> Call:
    if not accepted:
        return Call(request.headers)
    return await read_call(request, accepted, services_of(request).settings.max_body)


def asset_id_of(request: Request) -> str:
    """The id in the path. As an argument of the routes it would add a 422 to the description."""
    return str(request.path_params["asset_id"])

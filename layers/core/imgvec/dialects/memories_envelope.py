"""memories.ai's envelope: one shape for every answer, HTTP status and `code` the same integer."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel
from starlette.responses import Response

from imgvec.dialects.call import Call
from imgvec.dialects.describe import parameter
from imgvec.dialects.protocol import StatusTable, bearer, error_headers, json_answer, status_of
from imgvec.errors import FetchFailed, KeyDisabled, RequestError, TooLarge

STATUSES: Final[StatusTable] = {FetchFailed: 400, TooLarge: 400, KeyDisabled: 403}
UNAUTHORIZED: Final = "Unauthorized"
TOO_LARGE: Final = "Request has exceeded the limit."
FAILS: Final = (400, 401, 402, 403, 415, 429, 500, 503)
KEY: Final = parameter("Authorization", "header", "Your API key, raw or as `Bearer <key>`")


class Failure(BaseModel):
    """The vendor's error envelope."""

    code: int
    msg: str
    data: None
    success: bool
    failed: bool


def success(data: object, headers: Mapping[str, str] | None = None) -> Response:
    """A 200 in the envelope."""
    content = {"code": 200, "msg": "success", "data": data, "success": True, "failed": False}
    return json_answer(content, 200, headers)


def failure(error: RequestError) -> Response:
    """An error in the envelope."""
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
    shown = call.headers.getlist("authorization")
    return frozenset(bearer(value) or value.strip() for value in shown) - {""}

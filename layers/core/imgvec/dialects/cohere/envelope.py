"""The vendor's error envelope, and the id of an answer."""

from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

from starlette.responses import Response
from starlette.types import Scope

from imgvec.api.mounts import StatusTable, error_headers, json_answer, status_of
from imgvec.errors import FetchFailed, NotAnImage, RequestError, UnknownModel
from imgvec.request_log import current

STATUSES: Final[StatusTable] = {FetchFailed: 400, NotAnImage: 400, UnknownModel: 404}
LONGEST_WAIT: Final = 30
"""Seconds in `Retry-After`: the vendor's clients sleep for as long as it says, up to a minute."""


def error_response(error: RequestError, scope: Scope) -> Response:
    """The vendor's error envelope; the message names the place in a list, never the content."""
    status = status_of(error, STATUSES)
    message = error.placed if status < 429 else error.message
    headers = error_headers(error, LONGEST_WAIT)
    return json_answer({"id": answer_id(), "message": message}, status, headers)


def answer_id() -> str:
    """The request's id as a UUID, so that the log has it; one made of it where it is none."""
    request_id = current().request_id
    try:
        return str(UUID(request_id))
    except ValueError:
        return str(uuid5(NAMESPACE_OID, request_id))

"""Bedrock's errors: the exception's name in a header, its sentence in the body."""

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from imgvec.api.mounts import StatusTable, error_headers, json_answer, status_of
from imgvec.errors import (
    FetchFailed,
    InternalFault,
    KeyDisabled,
    KeyInvalid,
    MethodNotAllowed,
    NotAnImage,
    NotFound,
    NotReady,
    QuotaExhausted,
    RequestError,
    SpaceForbidden,
    TooFast,
    TooLarge,
    UnknownModel,
    WrongContentType,
)
from imgvec.request_head import bearer
from imgvec.request_log import current

STATUSES: Final[StatusTable] = {
    FetchFailed: 400,
    KeyDisabled: 403,
    KeyInvalid: 403,
    MethodNotAllowed: 404,
    NotAnImage: 400,
    QuotaExhausted: 400,
    TooLarge: 400,
    UnknownModel: 404,
    WrongContentType: 400,
}
EXCEPTIONS: Final[dict[type[RequestError], str]] = {
    RequestError: "ValidationException",
    InternalFault: "InternalServerException",
    KeyDisabled: "AccessDeniedException",
    MethodNotAllowed: "UnknownOperationException",
    NotFound: "UnknownOperationException",
    NotReady: "ServiceUnavailableException",
    QuotaExhausted: "ServiceQuotaExceededException",
    SpaceForbidden: "AccessDeniedException",
    TooFast: "ThrottlingException",
    UnknownModel: "ResourceNotFoundException",
}
# AWS's own sentences.
UNRECOGNIZED: Final = "The security token included in the request is invalid."
UNAUTHENTICATED: Final = "Authentication failed: Please make sure your API Key is valid."


def error_response(error: RequestError, scope: Scope) -> Response:
    """The envelope from which the SDKs make their exceptions."""
    if isinstance(error, KeyInvalid):
        return _key_rejected(scope)
    name = next(EXCEPTIONS[kind] for kind in type(error).__mro__ if kind in EXCEPTIONS)
    answer = _answer(name, {"message": error.placed}, status_of(error, STATUSES))
    answer.headers.update(error_headers(error))
    return answer


def _key_rejected(scope: Scope) -> Response:
    """The answer to a wrong key, as AWS words it for the place where the key was."""
    if bearer(Headers(scope=scope).get("authorization", "")):
        return _answer("AccessDeniedException", {"Message": UNAUTHENTICATED}, 403)
    return _answer("UnrecognizedClientException", {"message": UNRECOGNIZED}, 403)


def request_headers() -> dict[str, str]:
    """The request's id where the SDKs look for it."""
    return {"x-amzn-RequestId": current().request_id}


def _answer(name: str, content: dict[str, str], status: int) -> Response:
    return json_answer(content, status, {"x-amzn-errortype": name, **request_headers()})

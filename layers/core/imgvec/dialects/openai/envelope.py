"""Errors: OpenAI's envelope and Jina's in one body, because no client says which it reads.

Clients of Jina and Voyage need `detail` as a string, those of OpenAI `error` as an object. Below
`/voyage` there is no `error`: `voyageai` before 0.5 fails on that object instead of raising its own
exceptions and trying again.
"""

from typing import Final, Literal, TypeAlias

from starlette.responses import Response
from starlette.types import Scope

from imgvec.api.boundary import own_path
from imgvec.api.fields import NO_FIELDS, Fields
from imgvec.api.mounts import StatusTable, error_headers, json_answer, status_of
from imgvec.errors import (
    FetchFailed,
    KeyDisabled,
    KeyInvalid,
    KeyMissing,
    NotAnImage,
    QuotaExhausted,
    RequestError,
    TooFast,
    UnknownModel,
)
from imgvec.request_log import current

Vendor: TypeAlias = Literal["openai", "jina", "voyage"]

STATUSES: Final[StatusTable] = {NotAnImage: 400, FetchFailed: 400}
VENDORS: Final[dict[Vendor, StatusTable]] = {
    "openai": {**STATUSES, UnknownModel: 404, QuotaExhausted: 429},
    "jina": {**STATUSES, QuotaExhausted: 403},
    "voyage": {**STATUSES, QuotaExhausted: 402},
}
CODES: Final[dict[type[RequestError], str]] = {
    KeyInvalid: "invalid_api_key",
    KeyDisabled: "invalid_api_key",
    UnknownModel: "model_not_found",
    QuotaExhausted: "insufficient_quota",
    TooFast: "rate_limit_exceeded",
}
JINA_CODES: Final[dict[type[RequestError], str]] = {
    KeyInvalid: "AUTH_INVALID_API_KEY",
    KeyMissing: "AUTH_MISSING_API_KEY",
    KeyDisabled: "AUTH_INVALID_API_KEY",
    UnknownModel: "INPUT_MODEL_NOT_FOUND",
    QuotaExhausted: "AUTHZ_INSUFFICIENT_BALANCE",
}
JINA_FIELDS: Final = ("embedding_type", "normalized", "task", "late_chunking")
VOYAGE_FIELDS: Final = ("input_type", "output_dtype", "truncation")
VENDOR: Final = "imgvec.openai.vendor"
"""In a request's scope: the vendor, once the body is read."""
LONGEST_WAIT: Final = 30
"""Seconds in `Retry-After`; some clients obey any number."""


def vendor_of(path: str, body: Fields) -> Vendor:
    """The vendor whose statuses a request expects: by its prefix, its model or its fields."""
    model = body.every("model")
    name = model[0] if model and isinstance(model[0], str) else ""
    if path.startswith("/openai/"):
        return "openai"
    if path.startswith("/jina/") or (not path.startswith("/voyage/") and name.startswith("jina")):
        return "jina"
    if path.startswith("/voyage/") or name.startswith("voyage"):
        return "voyage"
    fields = {field for field, _ in body.items}
    if not fields.isdisjoint(JINA_FIELDS):
        return "jina"
    return "openai" if fields.isdisjoint(VOYAGE_FIELDS) else "voyage"


def error_response(error: RequestError, scope: Scope) -> Response:
    """Both envelopes, with the status of the vendor; until the body is read, of the path's."""
    path = own_path(scope)
    vendor = scope.get(VENDOR) or vendor_of(path, NO_FIELDS)
    status = status_of(error, VENDORS[vendor])
    message = error.placed
    content: dict[str, object] = {"detail": message, "request_id": current().request_id}
    if not path.startswith("/voyage/"):
        content["error"] = {
            "message": message,
            "type": _type(error, status),
            "param": error.param,
            "code": _code(error, CODES),
        }
    jina = _code(error, JINA_CODES)
    if jina is not None:
        content["code"] = jina
    headers = error_headers(error, LONGEST_WAIT)
    if isinstance(error, QuotaExhausted) and vendor == "openai":
        # Its clients try again on 429, and a used-up quota will not come back so soon.
        headers["x-should-retry"] = "false"
    return json_answer(content, status, headers)


def _code(error: RequestError, codes: dict[type[RequestError], str]) -> str | None:
    return next((codes[kind] for kind in type(error).__mro__ if kind in codes), None)


def _type(error: RequestError, status: int) -> str:
    if isinstance(error, QuotaExhausted):
        return "insufficient_quota"
    if isinstance(error, TooFast):
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"

"""Dialects and their mounts, and the helpers that their handlers share."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from imgvec.aliases import NONE_OFF, Alias, Off
from imgvec.api.boundary import MATCHED, REQUEST_ID, own_path
from imgvec.api.openapi import Schema
from imgvec.api.request import Call
from imgvec.embedding.precondition import SHOWN_DIGITS
from imgvec.errors import NotReady, QuotaExhausted, RequestError, TooFast
from imgvec.request_head import RequestHead, nearest
from imgvec.services import Services
from imgvec.types import Allowance, RequestContext

if TYPE_CHECKING:
    # Imports NumPy and ONNX Runtime, which the function of the assets does not have.
    from imgvec.embedding.service import EmbeddingService
    from imgvec.embedding.types import EmbedResult

NO_STORE: Final = {"Cache-Control": "no-store"}
"""For responses of requests whose query may hold a key, and for addresses that expire."""

StatusTable: TypeAlias = Mapping[type[RequestError], int]
"""Errors for which a vendor has another HTTP status than most."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One vendor's API: its routes, its model names and its error envelope."""

    name: str
    head: RequestHead
    """The paths that are answered in this dialect, and the keys that come before a body."""
    router: APIRouter
    """Routes that embed."""
    aliases: tuple[Alias, ...]
    error_response: Callable[[RequestError, Scope], Response]
    """Makes the response to an error of a request, in the vendor's envelope."""
    key_places: Mapping[str, Schema]
    """Places of the API key in a request: OpenAPI security schemes by their name."""
    assets: APIRouter = field(default_factory=APIRouter)
    """Routes of assets; they need no encoder."""
    variants: tuple[Mapping[str, object], ...] = ({},)
    """Parts of a request's scope that change `error_response`, for examples of each."""


class Mounts:
    """The dialects of an application, each at its prefixes."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        """Check that no two have the same prefix; the longer of two nested ones owns a path.

        Raises:
            ValueError: two are the same; the sentence names them.
        """
        self.dialects = tuple(dialects)
        self._owners: dict[str, Dialect] = {}
        for one in dialects:
            for prefix in one.head.owned:
                if prefix in self._owners:
                    raise ValueError(f"Two dialects are mounted at {prefix or '/'}")
                self._owners[prefix] = one

    def find(self, scope: Scope) -> Dialect | None:
        """The dialect that owns a request's path, or None; cached in the scope."""
        if MATCHED not in scope:
            scope[MATCHED] = nearest(own_path(scope), self._owners)
        found: Dialect | None = scope[MATCHED]
        return found

    def error_response(self, scope: Scope, error: RequestError) -> Response:
        """The error response of the dialect that owns the path, else a plain one."""
        dialect = self.find(scope)
        if dialect is not None:
            return dialect.error_response(error, scope)
        return json_answer({"error": error.message}, error.status, error_headers(error))


def services_of(request: Request) -> Services:
    """The stores and accounts of the application."""
    services: Services = request.app.state.services
    return services


def embedding_of(request: Request) -> "EmbeddingService":
    """The application's embedding service."""
    embedding: EmbeddingService = request.app.state.embedding
    return embedding


def off_of(request: Request, dialect: str) -> Off:
    """The dimensions of a dialect's models that the operator has switched off."""
    off: Off = request.app.state.off.get(dialect, NONE_OFF)
    return off


def context_of(request: Request, call: Call, dialect: str, form: str = "") -> RequestContext:
    """The context that metering, idempotency and the precondition need of a request.

    `form` names the form of the answer where path and fields alone do not decide it.
    """
    request_id: str = request.scope[REQUEST_ID]
    key = call.headers.get("idempotency-key")
    revision = call.headers.get("x-embedding-revision")
    fingerprint = ""
    if key is not None:
        # Hash the fields only where an Idempotency-Key needs the fingerprint.
        place = f"{dialect} {form} {own_path(request.scope)}"
        fingerprint = f"{place} {call.fingerprint} {revision or ''}"
    return RequestContext(request_id, dialect, fingerprint, key, revision)


def status_of(error: RequestError, own: StatusTable) -> int:
    """The HTTP status of an error: from the dialect's table if it is there, else the default."""
    for kind in type(error).__mro__:
        if kind in own:
            return own[kind]
    return error.status


def json_answer(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response. float32 arrays are written so that they read back bit for bit."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, media_type="application/json")


def embedding_headers(result: "EmbedResult") -> dict[str, str]:
    """Response headers with model, revision and dimensions, and the rest of the plan's limit."""
    return {
        "X-Embedding-Model": result.model,
        "X-Embedding-Revision": result.revision[:SHOWN_DIGITS],
        "X-Embedding-Dimensions": str(result.dimensions),
        **({} if result.scale is None else {"X-Embedding-Scale": str(result.scale)}),
        **_allowance_headers(result.allowance),
    }


def error_headers(error: RequestError, longest_wait: float = math.inf) -> dict[str, str]:
    """Response headers that an error carries in every dialect.

    `longest_wait` is in seconds: some vendors' clients sleep for as long as they are told to.
    """
    if isinstance(error, TooFast | NotReady):
        wait = {"Retry-After": str(min(error.retry_after, longest_wait))}
        limited = error.allowance if isinstance(error, TooFast) else None
        return {**wait, **_allowance_headers(limited)}
    if isinstance(error, QuotaExhausted):
        return _allowance_headers(error.allowance)
    return {}


def _allowance_headers(allowance: Allowance | None) -> dict[str, str]:
    if allowance is None:
        return {}
    return {
        "RateLimit-Limit": str(allowance.limit),
        "RateLimit-Remaining": str(allowance.remaining),
        "RateLimit-Reset": str(allowance.reset),
    }


def public_base(request: Request) -> str:
    """Base of generated links: `IMGVEC_PUBLIC_URL`, else scheme, host and stage of the request."""
    configured = services_of(request).settings.public_url
    return str(configured or request.base_url).rstrip("/")

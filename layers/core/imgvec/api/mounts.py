"""Dialects and where they are mounted; the parts that their handlers are written with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from imgvec.aliases import NONE_OFF, Alias, Off
from imgvec.api.boundary import REQUEST_ID, own_path
from imgvec.api.openapi import Schema
from imgvec.api.request import Call
from imgvec.errors import NotReady, QuotaExhausted, RequestError, TooFast
from imgvec.services import Services
from imgvec.types import Allowance, RequestContext

if TYPE_CHECKING:
    # It computes, and brings what that takes.
    from imgvec.embedding.service import EmbeddingService
    from imgvec.embedding.types import EmbedResult

MATCHED: Final = "imgvec.dialect"
"""Where the scope has the dialect that owns the path."""

StatusTable: TypeAlias = Mapping[type[RequestError], int]
"""Outcomes whose HTTP status a vendor chose unlike the others."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One vendor's API: its routes, its model names and its error envelope."""

    name: str
    prefixes: tuple[str, ...]
    """Paths at and below these are answered in this dialect, unknown ones included."""
    router: APIRouter
    """Routes that embed."""
    aliases: tuple[Alias, ...]
    error_response: Callable[[RequestError], Response]
    """Put an error into the vendor's envelope."""
    key_places: Mapping[str, Schema]
    """Where a caller puts a key, as security schemes by their name in the description."""
    assets: APIRouter = field(default_factory=APIRouter)
    """Routes that keep files; they need no encoder."""
    mounts: tuple[str, ...] = ("",)
    """The same routes and prefixes are answered below each of these; the first is described."""

    @property
    def owned(self) -> tuple[str, ...]:
        """The prefixes below all mounts."""
        return tuple(mount + prefix for mount in self.mounts for prefix in self.prefixes)

    def owns(self, path: str) -> bool:
        """Whether a path belongs to this dialect."""
        return any(path == prefix or path.startswith(f"{prefix}/") for prefix in self.owned)


class Mounts:
    """The dialects of an application, each at its prefixes."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        """See that no prefix lies at or below another one.

        Raises:
            ValueError: two overlap; the sentence names both.
        """
        self.dialects = tuple(dialects)
        self._owners = {prefix: one for one in dialects for prefix in one.owned}
        claimed = [prefix for one in dialects for prefix in one.owned]
        for place, first in enumerate(claimed):
            for second in claimed[place + 1 :]:
                if f"{first}/".startswith(f"{second}/") or f"{second}/".startswith(f"{first}/"):
                    raise ValueError(f"Two dialects are mounted at {first} and {second}")

    def find(self, scope: Scope) -> Dialect | None:
        """The dialect that owns a request's path, None where none does. It stays in the scope."""
        if MATCHED not in scope:
            path = own_path(scope)
            owners = self._owners.items()
            scope[MATCHED] = next(
                (one for prefix, one in owners if f"{path}/".startswith(f"{prefix}/")), None
            )
        found: Dialect | None = scope[MATCHED]
        return found

    def error_response(self, scope: Scope, error: RequestError) -> Response:
        """An error in the envelope of the dialect that owns the path, else a plain one."""
        dialect = self.find(scope)
        if dialect is not None:
            return dialect.error_response(error)
        return json_answer({"error": error.message}, error.status, error_headers(error))


def services_of(request: Request) -> Services:
    """The stores and accounts of the application."""
    services: Services = request.app.state.services
    return services


def embedding_of(request: Request) -> "EmbeddingService":
    """The application's service that embeds."""
    embedding: EmbeddingService = request.app.state.embedding
    return embedding


def off_of(request: Request, dialect: str) -> Off:
    """What the operator has switched off of a dialect."""
    off: Off = request.app.state.off.get(dialect, NONE_OFF)
    return off


def context_of(request: Request, call: Call, dialect: str) -> RequestContext:
    """The request as it is counted."""
    request_id: str = request.scope[REQUEST_ID]
    key = call.headers.get("idempotency-key")
    # Reading what was asked once more is worth it only where it will be compared.
    fingerprint = "" if key is None else f"{request.url.path} {call.fingerprint}"
    return RequestContext(request_id, dialect, fingerprint, key)


def status_of(error: RequestError, own: StatusTable) -> int:
    """The HTTP status of an outcome: the dialect's own where its table has one, else the usual."""
    for kind in type(error).__mro__:
        if kind in own:
            return own[kind]
    return error.status


def json_answer(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response, prebuilt. float32 arrays are written so that they read back bit for bit."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, media_type="application/json")


def embedding_headers(result: "EmbedResult") -> dict[str, str]:
    """Response headers that name what made an embedding, and what is left of the plan."""
    return {
        "X-Embedding-Model": result.model,
        "X-Embedding-Revision": result.revision[:12],
        "X-Embedding-Dimensions": str(result.dimensions),
        **_allowance_headers(result.allowance),
    }


def error_headers(error: RequestError) -> dict[str, str]:
    """Response headers that an outcome carries in every dialect."""
    if isinstance(error, TooFast):
        return {"Retry-After": str(error.retry_after), **_allowance_headers(error.allowance)}
    if isinstance(error, NotReady):
        return {"Retry-After": str(error.retry_after)}
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
    """Base of the links we mint: the operator's, else scheme, host and stage of the request."""
    configured = services_of(request).settings.public_url
    return str(configured or request.base_url).rstrip("/")


def bearer(value: str) -> str | None:
    """The token of an `Authorization: Bearer` header, None for another scheme."""
    scheme, _, token = value.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None

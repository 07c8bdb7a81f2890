"""Examples of error responses for OpenAPI: what a dialect answers to each error that can happen."""

import re
from typing import Any, Final, Literal, TypeAlias

import orjson
from fastapi.routing import APIRoute
from starlette.types import Scope

from imgvec.accounts.authentication import NO_KEY, UNKNOWN
from imgvec.aliases import find_alias
from imgvec.api.mounts import Dialect
from imgvec.api.openapi import IDEMPOTENCY
from imgvec.errors import (
    AddressRefused,
    AssetNotFound,
    BadParameter,
    BodyTooLarge,
    FetchFailed,
    ImageTooLarge,
    InternalFault,
    KeyDisabled,
    KeyInvalid,
    KeyMissing,
    NotAnImage,
    NotFound,
    NotReady,
    OtherRevision,
    Overloaded,
    QuotaExhausted,
    RequestError,
    SpaceForbidden,
    StorageFull,
    TooFast,
    TooLarge,
    TooManyUploads,
    UnknownModel,
    WrongContentType,
)

Operation: TypeAlias = dict[str, Any]
Where: TypeAlias = Literal["any", "body", "model", "embed", "image", "asset", "id", "store"]
"""Operations that have an error: all, or those that take a body, a model's name, something
to embed, an image, an asset, the id of one in the path, a file to store."""

_BYTES: Final = 20_000_000
_IMAGE: Final = re.compile(rb"[iI]ma?g")
_SIZE: Final = "The image has 9000 x 9000 pixels, over the limit of 50,000,000 pixels"
_HEIC: Final = "This is HEIC, which is not read; send JPEG, PNG, WebP, GIF, TIFF or BMP"
_PLAN: Final = "The plan of this key has no embeddings of 1024 dimensions, it has: 512"
_REVISION: Final = "The revision 0123456789ab is served, not the one in X-Embedding-Revision"
FAILURES: Final[tuple[tuple[str, Where, RequestError], ...]] = (
    ("nothing to embed", "embed", BadParameter("There is nothing to embed")),
    ("a bad parameter", "any", BadParameter("'dimensions' must be an integer")),
    ("an unknown asset", "asset", AssetNotFound()),
    ("a private URL", "image", AddressRefused()),
    ("a wrong key", "any", KeyInvalid(UNKNOWN)),
    ("no key", "any", KeyMissing(NO_KEY)),
    ("a key that is switched off", "any", KeyDisabled()),
    ("a used-up quota", "embed", QuotaExhausted()),
    ("a used-up storage quota", "store", StorageFull()),
    ("dimensions outside of the plan", "embed", SpaceForbidden(_PLAN)),
    ("a URL that does not open", "image", FetchFailed()),
    ("a malformed asset id", "id", NotFound()),
    ("another revision", "embed", OtherRevision(_REVISION)),
    ("a body of too many bytes", "body", BodyTooLarge.over(_BYTES)),
    ("a file of too many bytes", "body", ImageTooLarge.over(_BYTES)),
    ("an image of too many pixels", "image", TooLarge(_SIZE)),
    ("a file that is not an image", "image", NotAnImage()),
    ("a format that is not read", "image", NotAnImage(_HEIC)),
    ("a wrong content type", "body", WrongContentType("Unsupported content type, send a form")),
    ("too many requests", "any", TooFast()),
    ("too many uploads", "store", TooManyUploads()),
    ("a busy service", "any", Overloaded()),
    ("an internal error", "any", InternalFault()),
    ("a starting service", "any", NotReady()),
)


def add_failures(operation: Operation, path: str, dialect: Dialect) -> None:
    """Add named examples to each response of an operation that is an error."""
    where = _where(operation, path, dialect)
    errors = [(title, error) for title, there, error in FAILURES if there in where]
    if "model" in where:
        errors.append(("an unknown model", _unknown_model(dialect)))
    found: dict[str, dict[str, Any]] = {}
    for title, error in errors:
        for variant in dialect.variants:
            scope: Scope = {"type": "http", "path": path, "headers": [], **variant}
            answer = dialect.error_response(error, scope)
            examples = found.setdefault(str(answer.status_code), {})
            value = orjson.loads(bytes(answer.body))
            # Some vendors word several errors alike.
            if value not in examples.values():
                examples.setdefault(title, value)
    for status, answer in operation["responses"].items():
        if status in found:
            content = answer.setdefault("content", {}).setdefault("application/json", {})
            content["examples"] = {name: {"value": value} for name, value in found[status].items()}


def _where(operation: Operation, path: str, dialect: Dialect) -> set[Where]:
    body = operation.get("requestBody")
    asked = orjson.dumps([path, operation.get("parameters"), body])
    embeds = IDEMPOTENCY in operation.get("parameters", ())
    takes_image = embeds and _IMAGE.search(asked) is not None
    with_assets = {
        route.operation_id for route in dialect.assets.routes if isinstance(route, APIRoute)
    }
    own = operation["operationId"] in with_assets
    has_id = own and "{" in path
    found: dict[Where, bool] = {
        "any": True,
        "body": body is not None,
        "model": b'"model"' in asked or "/model" in path,
        "embed": embeds,
        "image": takes_image,
        "asset": has_id or (takes_image and bool(with_assets)),
        "id": has_id,
        "store": own and (body is not None or b"token" in asked),
    }
    return {there for there, is_so in found.items() if is_so}


def _unknown_model(dialect: Dialect) -> UnknownModel:
    try:
        find_alias(dialect.aliases, "")
    except UnknownModel as error:
        return error
    return UnknownModel()

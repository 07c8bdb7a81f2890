"""CoreViz image embeddings: `POST /api/ai/embeddings`, and `/api/ai/embed` of the vendor's SDK."""

from typing import Final

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from imgvec.aliases import Alias, Off, find_alias
from imgvec.api.fields import Fields
from imgvec.api.mounts import (
    Dialect,
    StatusTable,
    context_of,
    embedding_headers,
    embedding_of,
    error_headers,
    json_answer,
    off_of,
    services_of,
    status_of,
)
from imgvec.api.openapi import (
    EMBEDDING_HEADERS,
    PICTURE,
    STRING,
    VECTOR,
    Shape,
    answers,
    choice,
    fields,
    key_place,
    named,
    one_of,
    operation,
)
from imgvec.api.request import JSON, Call, read_call
from imgvec.dialects.coreviz import HEAD
from imgvec.embedding.types import EmbedRequest, ImageInput, TextInput, each
from imgvec.embedding.written import is_data_uri, is_url, linked_image
from imgvec.errors import BadParameter, FetchFailed, NotAnImage, RequestError, WrongContentType

NAME: Final = "coreviz"
ALIASES = (Alias("default", (768,)),)
STATUSES: Final[StatusTable] = {FetchFailed: 422, NotAnImage: 422, WrongContentType: 400}
REASONS: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    412: "Precondition Failed",
    413: "Payload Too Large",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
# The vendor's own sentences; imgvec's more precise messages go into `detail`.
SENTENCES: Final = {
    400: "Invalid image URL or missing required fields",
    401: "Invalid or missing API key",
    402: "Insufficient credits",
    422: "Unable to process the provided image",
}


class CoreVizEmbedding(Shape):
    """A vector of the vendor's shape."""

    embedding: list[float] = Field(examples=[VECTOR])
    dimensions: int = Field(examples=[768])
    model: str = Field(examples=["default"])


class CoreVizProblem(Shape):
    """The vendor's error envelope."""

    error: str
    message: str
    detail: str | None = None


KEY_PLACES: Final = {
    "CoreViz": key_place("x-api-key", "header", "Your API key"),
    "CoreVizBearer": {"type": "http", "scheme": "bearer", "description": "The same key"},
}

FAILS: Final = (400, 401, 402, 403, 412, 413, 422, 429, 500, 503)

router = APIRouter(tags=["CoreViz"])
_REQUEST = operation(
    *EMBEDDING_HEADERS,
    examples={
        "an image": {"image": PICTURE, "model": "default"},
        "a text": {"text": "a photo of a cat", "model": "default"},
        "either": {"input": "a photo of a cat", "type": "text"},
    },
    json=one_of(
        named("CoreVizImage", fields(("image",), image=STRING, model=STRING)),
        named("CoreVizText", fields(("text",), text=STRING, model=STRING)),
        named(
            "CoreVizInput",
            fields(("input",), input=STRING, type=choice("image", "text"), model=STRING),
        ),
    ),
)
_ANSWERS = answers(CoreVizEmbedding, CoreVizProblem, *FAILS)


@router.post(
    "/api/ai/embeddings",
    openapi_extra=_REQUEST,
    responses=_ANSWERS,
    operation_id="coreviz_create_embedding",
)
@router.post(
    "/api/ai/embed", openapi_extra=_REQUEST, responses=_ANSWERS, operation_id="coreviz_embed"
)
async def embeddings(request: Request) -> Response:
    """Embed an image (a URL or a data URI) or a text."""
    services = services_of(request)
    call = await read_call(request, (JSON,), services.settings.max_body)
    principal = await services.authenticate(HEAD.keys(call.headers.items()))
    wanted = _parse(call, services.settings.max_image, off_of(request, NAME))
    context = context_of(request, call, NAME)
    model = call.fields.text("model") or ALIASES[0].model
    # The image's text is not held while the image is decoded and encoded.
    del call
    result = await embedding_of(request).embed(principal, wanted, context)
    return json_answer(
        {
            "embedding": result.embeddings[0].vector,
            "dimensions": result.dimensions,
            "model": model,
        },
        headers=embedding_headers(result),
    )


def _parse(call: Call, max_image: int, off: Off) -> EmbedRequest:
    """Read one of `image`, `text`, `input`. Without `type`, a URI as `input` is an image."""
    given = call.fields
    dimensions = find_alias(ALIASES, given.text("model") or ALIASES[0].model).resolve(None, off)
    image, text, anything = (given.text(name) for name in ("image", "text", "input"))
    if sum(value is not None for value in (image, text, anything)) != 1:
        raise BadParameter("Give exactly one of 'image', 'text' and 'input'")
    if anything is not None:
        if _means_image(given, anything):
            image = anything
        else:
            text = anything
    if image is not None:
        return each([ImageInput(linked_image(image, max_image))], dimensions)
    return each([TextInput(text or "")], dimensions)


def _means_image(given: Fields, value: str) -> bool:
    kind = given.text("type")
    if kind not in (None, "image", "text"):
        raise BadParameter("'type' must be 'image' or 'text'")
    return kind == "image" or (kind is None and (is_url(value) or is_data_uri(value)))


def error_response(error: RequestError, scope: Scope) -> Response:
    """The vendor's error envelope."""
    status = status_of(error, STATUSES)
    message = SENTENCES.get(status, error.message)
    content = {"error": REASONS[status], "message": message}
    if message != error.message and status in (400, 422):
        content["detail"] = error.message
    return json_answer(content, status, error_headers(error))


DIALECT = Dialect(NAME, HEAD, router, ALIASES, error_response, KEY_PLACES)

"""Weaviate's module multi2vec-clip: `vectorize`, and what Weaviate asks when it starts."""

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from imgvec.aliases import Alias
from imgvec.api.boundary import own_path
from imgvec.api.fields import Fields
from imgvec.api.lists import check_list
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
    Schema,
    Shape,
    answers,
    fields,
    key_place,
    named,
    operation,
)
from imgvec.api.parts import Parts, each_input, in_list, is_image
from imgvec.api.request import read_json
from imgvec.dialects.weaviate import DIMENSIONS, HEAD
from imgvec.embedding.precondition import SHOWN_DIGITS
from imgvec.embedding.types import Part, TextInput, each
from imgvec.errors import (
    BadParameter,
    FetchFailed,
    KeyInvalid,
    NotAnImage,
    NotReady,
    RequestError,
)

NAME: Final = "weaviate"
MODULE: Final = Alias("multi2vec-clip", DIMENSIONS, has_default=False)
STATUSES: Final[StatusTable] = {FetchFailed: 400, NotAnImage: 400}
KEY_PLACES: Final = {
    "Weaviate": {"type": "http", "scheme": "basic", "description": "The key is the password"},
    "WeaviateBearer": {"type": "http", "scheme": "bearer", "description": "Your API key"},
    "WeaviateHeader": key_place("x-api-key", "header", "The same key"),
}
FAILS: Final = (400, 401, 402, 403, 412, 413, 415, 429, 500, 503)
KEYLESS: Final[Schema] = {"security": []}
LIST: Final[Schema] = {"type": ["array", "null"], "items": STRING}


class WeaviateVectors(Shape):
    """The vectors of texts and images, each list in its order."""

    textVectors: list[list[float]] = Field(examples=[[VECTOR]])
    imageVectors: list[list[float]] = Field(examples=[[VECTOR]])


class WeaviateMeta(Shape):
    """The encoder that is served."""

    model: str = Field(examples=["starter"])
    revision: str = Field(examples=["0123456789ab"])
    dimensions: int = Field(examples=[512])


class WeaviateProblem(Shape):
    """The error envelope."""

    error: str = Field(examples=["images[0]: Not a supported image, or a damaged one"])


router = APIRouter(tags=["Weaviate"])


@router.post(
    "/vectorize",
    openapi_extra=operation(
        *EMBEDDING_HEADERS,
        json=named("WeaviateRequest", fields((), texts=LIST, images=LIST)),
        examples={
            "an object": {"texts": ["a cat"], "images": [PICTURE.partition(",")[2]]},
            "nearText": {"texts": ["a cat"], "images": []},
        },
    ),
    responses=answers(WeaviateVectors, WeaviateProblem, *FAILS),
    operation_id="weaviate_vectorize",
)
async def vectorize(request: Request) -> Response:
    """Embed texts and images, each for itself."""
    services = services_of(request)
    call = await read_json(request, services.settings.max_body)
    principal = await services.authenticate(HEAD.keys(call.headers.items()))
    dimensions = _dimensions(request)
    images = _listed(call.fields, "images", Parts(services.settings.max_image).image)
    texts = _listed(call.fields, "texts", _text)
    # Only an image can be at fault later, and its place in the request is that in its list.
    wanted = each([*images, *texts], dimensions)
    check_list(wanted, services.settings, packed=False)
    context = context_of(request, call, NAME)
    # The images' text is not held while they are decoded and encoded.
    del call
    with in_list("images"):
        result = await embedding_of(request).embed(principal, wanted, context)
    vectors = [one.vector for one in result.embeddings]
    content = {"textVectors": vectors[len(images) :], "imageVectors": vectors[: len(images)]}
    return json_answer(content, headers=embedding_headers(result))


@router.get(
    "/meta",
    openapi_extra=KEYLESS,
    responses=answers(WeaviateMeta, WeaviateProblem, 400, 429, 500, 503),
    operation_id="weaviate_get_meta",
)
async def meta(request: Request) -> Response:
    """Name the encoder; Weaviate shows it in its own `/v1/meta`."""
    dimensions = _dimensions(request)
    encoders = embedding_of(request).encoders
    encoder = next(one for one in encoders if dimensions in one.dimensions)
    revision = encoder.revision[:SHOWN_DIGITS]
    content = {"model": encoder.name, "revision": revision, "dimensions": dimensions}
    return json_answer(content)


@router.get(
    "/.well-known/ready",
    status_code=204,
    response_class=Response,
    openapi_extra=KEYLESS,
    responses=answers(None, WeaviateProblem, 400, 429, 500, 503),
    operation_id="weaviate_get_ready",
)
async def ready(request: Request) -> Response:
    """Whether these dimensions are served, an inference has passed and the stores can be read."""
    _dimensions(request)
    if not await embedding_of(request).ready():
        raise NotReady
    await services_of(request).check()
    return Response(status_code=204)


@router.get(
    "/.well-known/live",
    status_code=204,
    response_class=Response,
    openapi_extra=KEYLESS,
    responses=answers(None, WeaviateProblem, 429, 500, 503),
    operation_id="weaviate_get_live",
)
async def live() -> Response:
    """The process is alive."""
    return Response(status_code=204)


def _dimensions(request: Request) -> int:
    """The dimensions that the mount names."""
    asked = int(own_path(request.scope).split("/")[2])
    return MODULE.resolve(asked, off_of(request, NAME))


def _listed(given: Fields, name: str, read: Callable[[object], Part]) -> tuple[Part, ...]:
    """The parts of a list, which may be absent."""
    items = given.one(name) or []
    if not isinstance(items, list):
        raise BadParameter(f"{name!r} must be a list of strings")
    return tuple(part for (part,) in each_input(name, items, lambda item: (read(item),)))


def _text(text: object) -> Part:
    """A text; an empty one has a vector too, for the number of vectors must be that of texts."""
    if not isinstance(text, str):
        raise BadParameter("A text must be a string")
    if is_image(text):
        raise BadParameter("This is an image, give it in 'images'")
    return TextInput(text)


def error_response(error: RequestError, scope: Scope) -> Response:
    """The module's envelope: `error` must be a string, else Weaviate hides the reason."""
    message = error.default if isinstance(error, KeyInvalid) else error.placed
    status = status_of(error, STATUSES)
    return json_answer({"error": message}, status, error_headers(error))


DIALECT = Dialect(NAME, HEAD, router, (MODULE,), error_response, KEY_PLACES)

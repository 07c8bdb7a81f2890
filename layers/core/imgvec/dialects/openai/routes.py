"""Reads a list of inputs in any vendor's form, and answers what all their clients read."""

from typing import Final, TypeAlias

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgvec.api.boundary import own_path
from imgvec.api.lists import check_list
from imgvec.api.mounts import (
    Dialect,
    context_of,
    embedding_headers,
    embedding_of,
    json_answer,
    off_of,
    services_of,
)
from imgvec.api.openapi import EMBEDDING_HEADERS, answers, operation, path_parameter
from imgvec.api.parts import Parts
from imgvec.api.request import JSON, read_call
from imgvec.dialects.openai import HEAD
from imgvec.dialects.openai.envelope import VENDOR, VENDORS, error_response, vendor_of
from imgvec.dialects.openai.inputs import Reader
from imgvec.dialects.openai.models import ALIASES, model_names
from imgvec.dialects.openai.parameters import Space, naming, space_of
from imgvec.dialects.openai.schemas import (
    EMBED,
    EXAMPLES,
    FAILS,
    KEY_PLACES,
    MULTIMODAL,
    MULTIMODAL_EXAMPLES,
    OpenAiEmbeddings,
    OpenAiModel,
    OpenAiModels,
    OpenAiProblem,
    VoyageEmbeddings,
)
from imgvec.embedding.elements import in_base64, in_elements
from imgvec.embedding.types import EmbedRequest, EmbedResult
from imgvec.errors import NotFound, UnknownModel

NAME: Final = "openai"
ELSEWHERE: Final = ("", "/openai/v1", "/jina/v1", "/infinity", "/voyage/v1")
"""Where the routes are too, beside `/v1`, where they are described."""
CREATED: Final = 1767225600
"""Seconds since 1970, the same for all models."""

Answered: TypeAlias = tuple[Space, EmbedResult]

router = APIRouter(tags=["OpenAI"])


@router.post(
    "/v1/embeddings",
    openapi_extra=operation(*EMBEDDING_HEADERS, json=EMBED, examples=EXAMPLES),
    responses=answers(OpenAiEmbeddings, OpenAiProblem, *FAILS),
    operation_id="openai_create_embeddings",
)
async def embeddings(request: Request) -> Response:
    """Embed texts and images, as OpenAI, Jina, infinity, vLLM and Voyage are asked."""
    space, result = await _embed(request, multimodal=False)
    usage = {"prompt_tokens": result.tokens, "total_tokens": result.tokens}
    return _answer(space, result, usage)


@router.post(
    "/v1/multimodalembeddings",
    openapi_extra=operation(*EMBEDDING_HEADERS, json=MULTIMODAL, examples=MULTIMODAL_EXAMPLES),
    responses=answers(VoyageEmbeddings, OpenAiProblem, *FAILS),
    operation_id="voyage_create_multimodal_embeddings",
)
async def multimodal_embeddings(request: Request) -> Response:
    """Embed texts and images together, as Voyage is asked; an input of several parts is one."""
    space, result = await _embed(request, multimodal=True)
    usage = {
        "text_tokens": result.text_tokens,
        "image_pixels": sum(image.width * image.height for image in result.images),
        "video_pixels": 0,
        "total_tokens": result.tokens,
    }
    return _answer(space, result, usage)


@router.get(
    "/v1/models",
    responses=answers(OpenAiModels, OpenAiProblem, 401, 429, 500, 503),
    operation_id="openai_list_models",
)
async def models(request: Request) -> Response:
    """List the names of models; the answer is what OpenAI's and Cohere's clients read."""
    names = await _names(request)
    return json_answer(
        {
            "object": "list",
            "data": [_model(name) for name in names],
            "models": [{"name": name, "endpoints": ["embed", "embed_image"]} for name in names],
        }
    )


@router.get(
    "/v1/models/{model:path}",
    openapi_extra=operation(path_parameter("model")),
    responses=answers(OpenAiModel, OpenAiProblem, 401, 404, 429, 500, 503),
    operation_id="openai_get_model",
)
async def model(request: Request) -> Response:
    """Give one model; its name may contain slashes."""
    names = await _names(request)
    name = request.path_params["model"]
    if name not in names:
        raise UnknownModel("Unknown model, GET /v1/models lists the names")
    return json_answer(_model(name))


@router.post("/v1/embeddings/embeddings", include_in_schema=False)
async def doubled(request: Request) -> Response:
    """Name the base URL to a client that was given the whole path for it."""
    raise NotFound("The base URL ends in /v1: the client appends /embeddings by itself")


for base in ELSEWHERE:
    for path, handler, method in (
        ("/embeddings", embeddings, "POST"),
        ("/multimodalembeddings", multimodal_embeddings, "POST"),
        ("/models", models, "GET"),
        ("/models/{model:path}", model, "GET"),
    ):
        router.add_api_route(base + path, handler, methods=[method], include_in_schema=False)
# Cohere's clients read the same list.
router.add_api_route("/cohere/v1/models", models, include_in_schema=False)


async def _embed(request: Request, *, multimodal: bool) -> Answered:
    services, embedding = services_of(request), embedding_of(request)
    call = await read_call(request, (JSON,), services.settings.max_body)
    vendor = "voyage" if multimodal else vendor_of(own_path(request.scope), call.body)
    request.scope[VENDOR] = vendor
    principal = await services.authenticate(HEAD.keys(call.headers.items()))
    given = call.fields
    space = space_of(given, embedding.encoders, off_of(request, NAME))
    param = "inputs" if multimodal else "input"
    with naming(param):
        reader = Reader(Parts(services.settings.max_image))
        inputs = reader.contents(given) if multimodal else reader.inputs(given)
        wanted = EmbedRequest(
            inputs, space.dimensions, space.encoder, (space.element,), described=multimodal
        )
        check_list(wanted, services.settings, packed=space.packed)
        context = context_of(request, call, NAME)
        # The images' text is not held while they are decoded and encoded.
        del call, given
        return space, await embedding.embed(principal, wanted, context)


def _answer(space: Space, result: EmbedResult, usage: dict[str, int]) -> Response:
    """Base64 only where it was asked for: half of the clients break on a string."""
    written = (in_elements(one.vector, space.element, result.scale) for one in result.embeddings)
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": in_base64(values) if space.packed else values,
        }
        for index, values in enumerate(written)
    ]
    content = {"object": "list", "model": space.model, "data": data, "usage": usage}
    return json_answer(content, headers=embedding_headers(result))


async def _names(request: Request) -> list[str]:
    await services_of(request).authenticate(HEAD.keys(request.headers.items()))
    return model_names(embedding_of(request).encoders, off_of(request, NAME))


def _model(name: str) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "imgvec",
        "stats": {},
    }


VARIANTS: Final = tuple({VENDOR: vendor} for vendor in VENDORS)
DIALECT = Dialect(NAME, HEAD, router, ALIASES, error_response, KEY_PLACES, variants=VARIANTS)

"""Cohere's embed, versions 1 and 2, and the check of a key."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgvec.api.lists import bytes_beside, check_list
from imgvec.api.mounts import (
    Dialect,
    context_of,
    embedding_headers,
    embedding_of,
    json_answer,
    off_of,
    services_of,
)
from imgvec.api.openapi import EMBEDDING_HEADERS, answers, operation
from imgvec.api.parts import in_list
from imgvec.api.request import JSON, read_call
from imgvec.dialects.cohere import HEAD
from imgvec.dialects.cohere.envelope import answer_id, error_response
from imgvec.dialects.cohere.inputs import ALIASES, Asked, EmbeddingType, Version, read
from imgvec.dialects.cohere.schemas import (
    CHECK_FAILS,
    FAILS,
    KEY_PLACES,
    MOST,
    V1,
    V1_EXAMPLES,
    V2,
    V2_EXAMPLES,
    CohereEmbeddings,
    CohereEmbeddingsV1,
    CohereKey,
    CohereProblem,
)
from imgvec.embedding.elements import in_base64, in_elements
from imgvec.embedding.types import EmbedResult

NAME: Final = "cohere"
BIT_DEPTH: Final = 24
"""Every image is embedded in RGB of 8 bits."""

router = APIRouter(tags=["Cohere"])


@router.post(
    "/v2/embed",
    openapi_extra=operation(*EMBEDDING_HEADERS, json=V2, examples=V2_EXAMPLES),
    responses=answers(CohereEmbeddings, CohereProblem, *FAILS),
    operation_id="cohere_embed",
)
async def embed_v2(request: Request) -> Response:
    """Embed texts, images, or inputs of texts and images together."""
    return await _embed(request, "2")


@router.post(
    "/v1/embed",
    openapi_extra=operation(*EMBEDDING_HEADERS, json=V1, examples=V1_EXAMPLES),
    responses=answers(CohereEmbeddingsV1, CohereProblem, *FAILS),
    operation_id="cohere_embed_v1",
)
async def embed_v1(request: Request) -> Response:
    """Embed texts or images; without `embedding_types` the vectors are a plain list."""
    return await _embed(request, "1")


@router.post(
    "/v1/check-api-key",
    responses=answers(CohereKey, CohereProblem, *CHECK_FAILS),
    operation_id="cohere_check_key",
)
async def check_api_key(request: Request) -> Response:
    """Say that a key is valid; a wrong one is 401 as everywhere."""
    principal = await services_of(request).admit(HEAD.keys(request.headers.items()))
    return json_answer(
        {"valid": True, "organization_id": principal.consumer, "owner_id": principal.key_id}
    )


async def _embed(request: Request, version: Version) -> Response:
    services, embedding = services_of(request), embedding_of(request)
    settings = services.settings
    call = await read_call(request, (JSON,), settings.max_body)
    principal = await services.authenticate(HEAD.keys(call.headers.items()))
    off = off_of(request, NAME)
    asked = read(call.fields, version, embedding.encoders, off, settings.max_image)
    packed, beside = asked.types == ("base64",), bytes_beside(asked.texts, settings)
    check_list(asked.wanted, settings, packed=packed, vendors=MOST, beside=beside)
    context = context_of(request, call, NAME)
    # The images' text is not held while they are decoded and encoded.
    del call
    with in_list(asked.given):
        result = await embedding.embed(principal, asked.wanted, context)
    return json_answer(_content(asked, result, version), headers=embedding_headers(result))


def _content(asked: Asked, result: EmbedResult, version: Version) -> dict[str, object]:
    texts, types = asked.texts, asked.types
    units: dict[str, int] = {}
    if result.images:
        units["images"] = len(result.images)
    if texts:
        units["input_tokens"] = result.text_tokens
    return {
        "id": answer_id(),
        "response_type": "embeddings_floats" if types is None else "embeddings_by_type",
        "embeddings": _vectors(result, "float")
        if types is None
        else {one: _vectors(result, one) for one in types},
        "texts": texts,
        "images": [
            {
                "width": image.width,
                "height": image.height,
                "format": image.format,
                "bit_depth": BIT_DEPTH,
            }
            for image in result.images
        ],
        "meta": {"api_version": {"version": version}, "billed_units": units},
    }


def _vectors(result: EmbedResult, type_: EmbeddingType) -> list[object]:
    vectors = [one.vector for one in result.embeddings]
    if type_ == "base64":
        return [in_base64(vector) for vector in vectors]
    return [in_elements(vector, type_, result.scale) for vector in vectors]


DIALECT = Dialect(NAME, HEAD, router, ALIASES, error_response, KEY_PLACES)

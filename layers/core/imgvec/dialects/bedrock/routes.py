"""Bedrock's `InvokeModel` for the embedding models of Titan, Cohere and Nova."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgvec.aliases import Alias
from imgvec.api.boundary import own_path
from imgvec.api.fields import Fields
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
from imgvec.api.openapi import EMBEDDING_HEADERS, Schema, Shape, answers, operation
from imgvec.api.parts import Parts, in_list
from imgvec.api.request import read_json
from imgvec.dialects.bedrock import HEAD, cohere, models, nova, schemas, titan
from imgvec.dialects.bedrock.envelope import error_response, request_headers
from imgvec.dialects.bedrock.models import ALIASES, VERSION, find_model
from imgvec.dialects.bedrock.parts import Asked, Reader
from imgvec.embedding.types import EmbedResult

NAME: Final = "bedrock"


@dataclass(frozen=True, slots=True)
class Family:
    """The body of some models, and its answer."""

    parse: Callable[[Fields, Reader], Asked]
    render: Callable[[Asked, EmbedResult], dict[str, object]]
    body: Schema
    examples: Mapping[str, object]
    answer: type[Shape]


TITAN: Final = Family(
    titan.parse, titan.render, schemas.TITAN, schemas.TITAN_EXAMPLES, schemas.TitanEmbedding
)
COHERE: Final = Family(
    cohere.parse, cohere.render, schemas.COHERE, schemas.COHERE_EXAMPLES, schemas.CohereVectors
)
COHERE_FOUR: Final = Family(
    cohere.parse,
    cohere.render,
    schemas.COHERE_FOUR,
    schemas.COHERE_FOUR_EXAMPLES,
    schemas.CohereVectors,
)
NOVA: Final = Family(
    nova.parse, nova.render, schemas.NOVA, schemas.NOVA_EXAMPLES, schemas.NovaEmbeddings
)
FAMILIES: Final[dict[Alias, tuple[str, Family]]] = {
    models.TITAN: ("titan_image", TITAN),
    models.COHERE_ENGLISH: ("cohere_english", COHERE),
    models.COHERE_MULTILINGUAL: ("cohere_multilingual", COHERE),
    models.COHERE_FOUR: ("cohere_v4", COHERE_FOUR),
    models.NOVA: ("nova", NOVA),
}
"""The name of each model's operation, and its family."""


async def invoke(request: Request) -> Response:
    """Embed the images and texts of a model's body."""
    services = services_of(request)
    call = await read_json(request, services.settings.max_body)
    principal = await services.authenticate(HEAD.keys(call.headers.items()))
    given = call.fields
    alias = find_model(_model_id(request))
    _, family = FAMILIES[alias]
    reader = Reader(alias, off_of(request, NAME), Parts(services.settings.max_image))
    asked = family.parse(given, reader)
    context = context_of(request, call, NAME)
    # The images' text is not held while they are decoded and encoded.
    del call, given
    beside = bytes_beside(asked.rest, services.settings)
    check_list(asked.wanted, services.settings, packed=False, beside=beside)
    with in_list(asked.listed):
        result = await embedding_of(request).embed(principal, asked.wanted, context)
    headers = {**request_headers(), **embedding_headers(result)}
    return json_answer(family.render(asked, result), headers=headers)


def _model_id(request: Request) -> str:
    path = own_path(request.scope)
    return path.removeprefix(f"{HEAD.mounts[0]}/model/").removesuffix("/invoke")


router = APIRouter(tags=["Bedrock"])
# Each name has a route of its own, because a key in the head is judged before the body only for
# paths without parameters.
for alias, (name, family) in FAMILIES.items():
    router.add_api_route(
        f"/model/{alias.model}/invoke",
        invoke,
        methods=["POST"],
        openapi_extra=operation(*EMBEDDING_HEADERS, json=family.body, examples=family.examples),
        responses=answers(family.answer, schemas.BedrockProblem, *schemas.FAILS),
        operation_id=f"bedrock_invoke_{name}",
    )
    router.add_api_route(
        f"/model/{alias.model}{VERSION}/invoke", invoke, methods=["POST"], include_in_schema=False
    )
# Inference profiles and ARNs, which may contain slashes.
router.add_api_route(
    "/model/{model_id:path}/invoke", invoke, methods=["POST"], include_in_schema=False
)

WITH_BEARER: Final = {"headers": [(b"authorization", b"Bearer key")]}
DIALECT = Dialect(
    NAME,
    HEAD,
    router,
    ALIASES,
    error_response,
    schemas.KEY_PLACES,
    variants=({}, WITH_BEARER),
)

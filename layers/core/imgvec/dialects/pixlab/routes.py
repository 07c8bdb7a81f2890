"""PixLab: img-embed, LLM image embed and store.

`/imgembed` answers in the LLM form when the host begins with `llm.`, as the vendor serves it.
"""

import secrets
import time
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from imgvec.aliases import Alias
from imgvec.api.mounts import (
    NO_STORE,
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
from imgvec.api.openapi import EMBEDDING_HEADERS, answers, operation
from imgvec.api.request import FORM, JSON, MULTIPART, read_call
from imgvec.dialects.pixlab import HEAD
from imgvec.dialects.pixlab.inputs import images_in, keys_of, store_file
from imgvec.dialects.pixlab.schemas import (
    EXAMPLES,
    FAILS,
    FIELDS,
    FILE_TO_STORE,
    IMAGE,
    KEY_PLACES,
    QUERY,
    STORE_FAILS,
    UPLOAD,
    PixLabEmbedding,
    PixLabLlmEmbedding,
    PixLabProblem,
    PixLabStored,
)
from imgvec.embedding.types import EmbedResult, each
from imgvec.errors import AssetNotFound, MethodNotAllowed, RequestError
from imgvec.types import Vector

NAME: Final = "pixlab"
IMG_EMBED = Alias("img-embed", (1024, 512))
PIX_LLM = Alias("pix-llm", (512, 1024))
STATUSES: Final[StatusTable] = {AssetNotFound: 404}
UNAUTHORIZED: Final = "Missing/Invalid PixLab API Key"
ID_DIGITS: Final = "0123456789ABCDEF"

router = APIRouter(tags=["PixLab"])
assets = APIRouter(tags=["PixLab"])


@router.get(
    "/imgembed",
    openapi_extra=operation(*EMBEDDING_HEADERS, *QUERY),
    responses=answers(PixLabEmbedding, PixLabProblem, *FAILS, 412),
    operation_id="pixlab_embed_image_by_query",
)
@router.post(
    "/imgembed",
    openapi_extra=operation(
        *EMBEDDING_HEADERS, json=IMAGE, multipart=UPLOAD, form=FIELDS, examples=EXAMPLES
    ),
    responses=answers(PixLabEmbedding, PixLabProblem, *FAILS, 412),
    operation_id="pixlab_embed_image",
)
async def imgembed(request: Request) -> Response:
    """Embed one image or a list; at a host that begins with `llm.`, as `/llmimgembed`."""
    if (request.url.hostname or "").startswith("llm."):
        if request.method == "GET":
            # The framework's own response would name GET too: it looks at the path only.
            answer = error_response(MethodNotAllowed(), request.scope)
            answer.headers["Allow"] = "POST"
            return answer
        return await llmimgembed(request)
    embedding, result = await _embed(request, (JSON, MULTIPART, FORM), IMG_EMBED)
    content = {"status": 200, "embedding": embedding, "total_tokens": result.tokens}
    return json_answer(content, headers={**NO_STORE, **embedding_headers(result)})


@router.post(
    "/llmimgembed",
    openapi_extra=operation(*EMBEDDING_HEADERS, json=IMAGE, examples=EXAMPLES),
    responses=answers(PixLabLlmEmbedding, PixLabProblem, *FAILS, 412),
    operation_id="pixlab_llm_embed_image",
)
async def llmimgembed(request: Request) -> Response:
    """Embed one image or a list, JSON only. An embedding reads tokens and writes none."""
    embedding, result = await _embed(request, (JSON,), PIX_LLM)
    content = {
        "status": 200,
        "id": "".join(secrets.choice(ID_DIGITS) for _ in range(10)),
        "embedding": embedding,
        "object": "embedding",
        "created": int(time.time()),
        "model": PIX_LLM.model,
        "total_input_tokens": result.tokens,
        "total_output_tokens": 0,
    }
    return json_answer(content, headers={**NO_STORE, **embedding_headers(result)})


@assets.post(
    "/store",
    openapi_extra=operation(multipart=FILE_TO_STORE),
    responses=answers(PixLabStored, PixLabProblem, *STORE_FAILS),
    operation_id="pixlab_store_file",
)
async def store(request: Request) -> Response:
    """Keep a file; its link can be given as `img`."""
    link, asset_id = await store_file(request)
    return json_answer({"status": 200, "link": link, "id": asset_id}, headers=NO_STORE)


async def _embed(
    request: Request, accepted: tuple[str, ...], alias: Alias
) -> tuple[Vector | list[Vector], EmbedResult]:
    """The response's `embedding`: a vector for one image, a list of vectors for a list."""
    services = services_of(request)
    call = await read_call(request, accepted, services.settings.max_body)
    principal = await services.authenticate(keys_of(call))
    # A parameter may be in the query or in the body; one that is in both is rejected.
    given = call.query.beside(call.fields)
    dimensions = alias.resolve(given.integer("dimension"), off_of(request, NAME))
    images, listed = images_in(given, services.settings.max_image)
    context = context_of(request, call, NAME, alias.model)
    # The images' text is not held while they are decoded and encoded.
    del call, given
    result = await embedding_of(request).embed(principal, each(images, dimensions), context)
    vectors = [one.vector for one in result.embeddings]
    return (vectors if listed else vectors[0]), result


def error_response(error: RequestError, scope: Scope) -> Response:
    """The vendor's error envelope."""
    status = status_of(error, STATUSES)
    message = UNAUTHORIZED if status == 401 else error.message
    headers = {**NO_STORE, **error_headers(error)}
    return json_answer({"status": status, "error": message}, status, headers)


DIALECT = Dialect(
    NAME,
    HEAD,
    router,
    (IMG_EMBED, PIX_LLM),
    error_response,
    KEY_PLACES,
    assets,
)

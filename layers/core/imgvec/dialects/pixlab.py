"""PixLab: img-embed, LLM image embed and store.

`/imgembed` answers in the LLM form when the host begins with `llm.`, as the vendor serves it.
"""

import secrets
import time
from functools import partial
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgvec.aliases import Alias, Off
from imgvec.dialects.call import FORM, JSON, MULTIPART, Call, read_call
from imgvec.dialects.describe import IDEMPOTENCY, answers, operation
from imgvec.dialects.pixlab_shapes import (
    EXAMPLES,
    FAILS,
    FILE_TO_STORE,
    IMAGE,
    KEY_PLACES,
    QUERY,
    UPLOAD,
    PixLabEmbedding,
    PixLabLlmEmbedding,
    PixLabProblem,
    PixLabStored,
)
from imgvec.dialects.pixlab_store import keys_of, named_image, store_file
from imgvec.dialects.protocol import (
    Dialect,
    StatusTable,
    attempt_of,
    embedding_headers,
    error_headers,
    json_answer,
    off_of,
    service_of,
    status_of,
)
from imgvec.errors import AssetNotFound, MethodNotAllowed, RequestError
from imgvec.values import Embedded, ImageWanted

NAME: Final = "pixlab"
IMG_EMBED = Alias("img-embed", (1024, 512))
PIX_LLM = Alias("pix-llm", (512, 1024))
STATUSES: Final[StatusTable] = {AssetNotFound: 404}
UNAUTHORIZED: Final = "Missing/Invalid PixLab API Key"
# Keys may stand in a query string, so no answer is ever cached.
NO_STORE: Final = {"Cache-Control": "no-store"}
ID_DIGITS: Final = "0123456789ABCDEF"

router = APIRouter(tags=["PixLab"])
assets = APIRouter(tags=["PixLab"])


@router.get(
    "/imgembed",
    openapi_extra=operation(IDEMPOTENCY, *QUERY),
    responses=answers(PixLabEmbedding, PixLabProblem, *FAILS),
    operation_id="pixlab_embed_image_by_query",
)
@router.post(
    "/imgembed",
    openapi_extra=operation(
        IDEMPOTENCY, json=IMAGE, multipart=UPLOAD, form=IMAGE, examples=EXAMPLES
    ),
    responses=answers(PixLabEmbedding, PixLabProblem, *FAILS),
    operation_id="pixlab_embed_image",
)
async def imgembed(request: Request) -> Response:
    """Embed an image; at a host that begins with `llm.`, as `/llmimgembed`."""
    if (request.url.hostname or "").startswith("llm."):
        if request.method == "GET":
            # The framework would name GET too: it knows the path and not the host.
            answer = refuse(MethodNotAllowed())
            answer.headers["Allow"] = "POST"
            return answer
        return await llmimgembed(request)
    embedded = await _embed(request, (JSON, MULTIPART, FORM), IMG_EMBED)
    content = {
        "status": 200,
        "embedding": embedded.vectors[0],
        "total_tokens": embedded.tokens,
    }
    return json_answer(content, headers={**NO_STORE, **embedding_headers(embedded)})


@router.post(
    "/llmimgembed",
    openapi_extra=operation(IDEMPOTENCY, json=IMAGE, examples=EXAMPLES),
    responses=answers(PixLabLlmEmbedding, PixLabProblem, *FAILS),
    operation_id="pixlab_llm_embed_image",
)
async def llmimgembed(request: Request) -> Response:
    """Embed an image, JSON only. An embedding reads tokens and writes none."""
    embedded = await _embed(request, (JSON,), PIX_LLM)
    content = {
        "status": 200,
        "id": "".join(secrets.choice(ID_DIGITS) for _ in range(10)),
        "embedding": embedded.vectors[0],
        "object": "embedding",
        "created": int(time.time()),
        "model": PIX_LLM.model,
        "total_input_tokens": embedded.tokens,
        "total_output_tokens": 0,
    }
    return json_answer(content, headers={**NO_STORE, **embedding_headers(embedded)})


@assets.post(
    "/store",
    openapi_extra=operation(multipart=FILE_TO_STORE),
    responses=answers(PixLabStored, PixLabProblem, *FAILS),
    operation_id="pixlab_store_file",
)
async def store(request: Request) -> Response:
    """Keep a file; its link can be given as `img`."""
    link, asset_id = await store_file(request)
    return json_answer({"status": 200, "link": link, "id": asset_id}, headers=NO_STORE)


async def _embed(request: Request, accepted: tuple[str, ...], alias: Alias) -> Embedded:
    service = service_of(request)
    call = await read_call(request, accepted, service.settings.max_body)
    wanted = partial(_wanted, call, alias, service.settings.max_image, off_of(request, NAME))
    return await service.embed(keys_of(call), attempt_of(request, call, NAME), wanted)


def _wanted(call: Call, alias: Alias, max_image: int, off: Off) -> ImageWanted:
    """Query and body are one: a name beside a body is heard, and given twice it is refused."""
    given = call.query.beside(call.fields)
    dimensions = alias.resolve(given.integer("dimension"), off)
    return ImageWanted(named_image(given, max_image), dimensions)


def refuse(error: RequestError) -> Response:
    """The vendor's error envelope."""
    status = status_of(error, STATUSES)
    message = UNAUTHORIZED if status == 401 else error.message
    headers = {**NO_STORE, **error_headers(error)}
    return json_answer({"status": status, "error": message}, status, headers)


DIALECT = Dialect(
    NAME,
    ("/imgembed", "/llmimgembed", "/store"),
    router,
    (IMG_EMBED, PIX_LLM),
    refuse,
    KEY_PLACES,
    assets,
)

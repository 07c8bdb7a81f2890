"""PixLab: img-embed, LLM image embed and store.

`/imgembed` answers in the LLM form when the host begins with `llm.`, as the vendor serves it.
"""

import secrets
import time
from functools import partial
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from imgvec.aliases import Alias, Off
from imgvec.dialects.call import FORM, JSON, MULTIPART, Call, read_call
from imgvec.dialects.describe import (
    FILE,
    IDEMPOTENCY,
    INTEGER,
    STRING,
    answers,
    fields,
    operation,
    parameter,
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


class Embedding(BaseModel):
    """The answer of img-embed."""

    status: int
    embedding: list[float]
    total_tokens: int


class LlmEmbedding(BaseModel):
    """The answer of LLM image embed."""

    status: int
    id: str
    embedding: list[float]
    object: str
    created: int
    model: str
    total_input_tokens: int
    total_output_tokens: int


class Stored(BaseModel):
    """The answer of store."""

    status: int
    link: str
    id: str


class Problem(BaseModel):
    """The vendor's error envelope; `status` mirrors the HTTP status."""

    status: int
    error: str


router = APIRouter(tags=["PixLab"])
assets = APIRouter(tags=["PixLab"])
_KEY = (
    parameter("key", "query", "Your API key"),
    parameter("WWW-Authenticate", "header", "The same key, raw"),
)
_QUERY = (
    parameter("img", "query", "URL, data URI or base64"),
    parameter("url", "query", "The same as `img`"),
    parameter("dimension", "query", "512 or 1024", INTEGER),
)
_IMAGE = fields((), img=STRING, url=STRING, key=STRING, dimension=INTEGER)
_UPLOAD = fields((), file=FILE, img=STRING, url=STRING, key=STRING, dimension=INTEGER)
_FAILS = (400, 401, 402, 403, 404, 413, 415, 429, 500, 503)


@router.get(
    "/imgembed",
    openapi_extra=operation(*_KEY, IDEMPOTENCY, *_QUERY),
    responses=answers(Embedding, Problem, *_FAILS),
)
@router.post(
    "/imgembed",
    openapi_extra=operation(*_KEY, IDEMPOTENCY, json=_IMAGE, multipart=_UPLOAD, form=_IMAGE),
    responses=answers(Embedding, Problem, *_FAILS),
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
    openapi_extra=operation(*_KEY, IDEMPOTENCY, json=_IMAGE),
    responses=answers(LlmEmbedding, Problem, *_FAILS),
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
    openapi_extra=operation(
        *_KEY, multipart=fields(("file",), file=FILE, key=STRING, comment=STRING)
    ),
    responses=answers(Stored, Problem, *_FAILS),
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
    NAME, ("/imgembed", "/llmimgembed", "/store"), router, (IMG_EMBED, PIX_LLM), refuse, assets
)

"""memories.ai embeddings below `/serve/api/v2`; its assets are in `assets`."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgvec.aliases import Alias, Off, find_alias
from imgvec.api.mounts import (
    Dialect,
    context_of,
    embedding_headers,
    embedding_of,
    off_of,
)
from imgvec.api.openapi import (
    EMBEDDING_HEADERS,
    FILE,
    STRING,
    Schema,
    answers,
    choice,
    fields,
    named,
    one_of,
    operation,
)
from imgvec.api.request import JSON, MULTIPART, Call
from imgvec.dialects.memories import BASE, HEAD, assets
from imgvec.dialects.memories.envelope import authenticated, error_response, success
from imgvec.dialects.memories.schemas import (
    FAILS,
    KEY_PLACES,
    MemoriesFailure,
    MemoriesImageEmbedding,
    MemoriesTextEmbeddings,
)
from imgvec.embedding.types import (
    AssetRef,
    EmbedRequest,
    ImageBytes,
    ImageInput,
    ImageSource,
    ImageUrl,
    TextInput,
    each,
)
from imgvec.embedding.written import is_url
from imgvec.errors import BadParameter

NAME: Final = "memories.ai"
MAX_INPUTS: Final = 100
IMAGE_MODELS = (Alias("mobileclip", (512,)), Alias("multimodalembedding@001", (1024,)))
TEXT_MODELS = (*IMAGE_MODELS, Alias("gemini-embedding-001", (512, 768, 1024)))

router = APIRouter(prefix=BASE, tags=["memories.ai"])
_IMAGE_MODEL: Schema = named("MemoriesImageModel", choice(*(alias.model for alias in IMAGE_MODELS)))
_TEXT_MODEL: Schema = named("MemoriesTextModel", choice(*(alias.model for alias in TEXT_MODELS)))


@router.post(
    "/embeddings/image",
    openapi_extra=operation(
        *EMBEDDING_HEADERS,
        examples={
            "a URL of yours": {"image_url": "https://example.com/photo.jpg", "model": "mobileclip"},
            "an asset of yours": {"asset_id": "re_000000000000000001", "model": "mobileclip"},
        },
        multipart=named(
            "MemoriesImageFile", fields(("file", "model"), file=FILE, model=_IMAGE_MODEL)
        ),
        json=one_of(
            named(
                "MemoriesImageAsset",
                fields(("asset_id", "model"), asset_id=STRING, model=_IMAGE_MODEL),
            ),
            named(
                "MemoriesImageUrl",
                fields(("image_url", "model"), image_url=STRING, model=_IMAGE_MODEL),
            ),
        ),
    ),
    responses=answers(MemoriesImageEmbedding, MemoriesFailure, *FAILS, 412),
    operation_id="memories_embed_image",
)
async def embed_image(request: Request) -> Response:
    """Embed an uploaded file, a stored asset or the image at a URL."""
    call, principal = await authenticated(request, (MULTIPART, JSON))
    wanted = _parse_image(call, off_of(request, NAME))
    context = context_of(request, call, NAME)
    result = await embedding_of(request).embed(principal, wanted, context)
    return success({"embedding": result.embeddings[0].vector}, embedding_headers(result))


@router.post(
    "/embeddings/text",
    openapi_extra=operation(
        *EMBEDDING_HEADERS,
        examples={
            "a text": {"input": "a photo of a cat", "model": "multimodalembedding@001"},
            "several, at 768": {
                "input": ["a photo of a cat", "a photo of a dog"],
                "model": "gemini-embedding-001",
                "dimensionality": 768,
            },
        },
        json=named(
            "MemoriesTexts",
            fields(
                ("input", "model"),
                input=one_of(STRING, {"type": "array", "items": STRING, "maxItems": MAX_INPUTS}),
                model=_TEXT_MODEL,
                dimensionality=choice(512, 768, 1024, kind="integer"),
            ),
        ),
    ),
    responses=answers(MemoriesTextEmbeddings, MemoriesFailure, *FAILS, 412),
    operation_id="memories_embed_text",
)
async def embed_text(request: Request) -> Response:
    """Embed one text or up to a hundred, each counted, all or nothing."""
    call, principal = await authenticated(request, (JSON,))
    wanted = _parse_texts(call, off_of(request, NAME))
    context = context_of(request, call, NAME)
    result = await embedding_of(request).embed(principal, wanted, context)
    vectors = [{"embedding": one.vector} for one in result.embeddings]
    return success(vectors, embedding_headers(result))


def _model(call: Call, aliases: tuple[Alias, ...]) -> Alias:
    model = call.fields.text("model")
    if model is None:
        raise BadParameter("'model' is missing")
    return find_alias(aliases, model)


def _parse_image(call: Call, off: Off) -> EmbedRequest:
    image = ImageInput(_source(call))
    return each([image], _model(call, IMAGE_MODELS).resolve(None, off))


def _source(call: Call) -> ImageSource:
    """Exactly one of a form's `file` and JSON's `asset_id` and `image_url`."""
    upload = call.fields.upload("file")
    asset_id, url = call.fields.text("asset_id"), call.fields.text("image_url")
    if sum(value is not None for value in (upload, asset_id, url)) != 1:
        raise BadParameter("Give exactly one of 'file', 'asset_id' and 'image_url'")
    if upload is not None:
        return ImageBytes(upload.data)
    if asset_id is not None:
        return AssetRef(asset_id)
    if url is None or not is_url(url):
        raise BadParameter(
            "'image_url' must be an http(s) URL; send an image itself as 'file' in a form"
        )
    return ImageUrl(url)


def _parse_texts(call: Call, off: Off) -> EmbedRequest:
    alias = _model(call, TEXT_MODELS)
    dimensions = alias.resolve(call.fields.integer("dimensionality"), off)
    given = call.fields.one("input")
    inputs = given if isinstance(given, list) else [given]
    texts = [TextInput(text) for text in inputs if isinstance(text, str) and text]
    if len(texts) != len(inputs) or not 1 <= len(texts) <= MAX_INPUTS:
        raise BadParameter(f"'input' must be a string or 1 to {MAX_INPUTS} strings, none empty")
    return each(texts, dimensions)


DIALECT = Dialect(NAME, HEAD, router, TEXT_MODELS, error_response, KEY_PLACES, assets.router)

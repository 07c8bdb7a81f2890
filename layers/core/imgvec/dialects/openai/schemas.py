"""OpenAPI schemas of requests and responses."""

from typing import Final, Literal

from pydantic import Field

from imgvec.api.openapi import (
    INTEGER,
    PICTURE,
    STRING,
    VECTOR,
    Schema,
    Shape,
    any_of,
    choice,
    fields,
    key_place,
    named,
    one_of,
)
from imgvec.embedding.elements import ELEMENTS

KEY_PLACES: Final = {
    "OpenAI": {"type": "http", "scheme": "bearer", "description": "Your API key"},
    "OpenAIHeader": key_place("x-api-key", "header", "The same key"),
}
FAILS: Final = (400, 401, 402, 403, 404, 412, 413, 415, 429, 500, 503)
MODEL: Final[Schema] = {
    **STRING,
    "description": "A vendor's model, or the id of an encoder that is served",
}
DIMENSIONS: Final[Schema] = {**INTEGER, "description": "512, 768 or 1024, as the model allows"}
TYPE: Final = named("OpenAiEncoding", choice(*ELEMENTS, "base64"))
ELEMENT: Final = named("OpenAiElement", choice(*ELEMENTS))
URL: Final = named("OpenAiUrl", fields(("url",), url=STRING))
PART: Final = one_of(
    named("OpenAiTextPart", fields(("type", "text"), type=choice("text"), text=STRING)),
    named(
        "OpenAiUrlPart",
        fields(("type", "image_url"), type=choice("image_url"), image_url=one_of(STRING, URL)),
    ),
    named(
        "OpenAiBase64Part",
        fields(("type", "image_base64"), type=choice("image_base64"), image_base64=STRING),
    ),
)
PARTS: Final[Schema] = {"type": "array", "items": PART, "minItems": 1}
CONTENT: Final = named("OpenAiContent", fields(("content",), content=PARTS))
ITEM: Final[Schema] = {
    "description": "A text, a data URI of an image, or an object",
    **any_of(
        STRING,
        named("OpenAiText", fields(("text",), text=STRING, image=STRING)),
        named("OpenAiImage", fields(("image",), image=STRING)),
        URL,
        named("OpenAiBytes", fields(("bytes",), bytes=STRING)),
        CONTENT,
    ),
}
INPUT: Final[Schema] = one_of(ITEM, {"type": "array", "items": ITEM, "minItems": 1})
MESSAGE: Final = named(
    "OpenAiMessage",
    fields(("role", "content"), role=STRING, content=one_of(STRING, PARTS)),
)
MESSAGES: Final[Schema] = {"type": "array", "items": MESSAGE, "minItems": 1}
_EMBED: Final = fields(
    ("model",),
    model=MODEL,
    input=INPUT,
    messages=MESSAGES,
    modality=choice("text", "image"),
    dimensions=DIMENSIONS,
    output_dimension=DIMENSIONS,
    encoding_format=TYPE,
    embedding_type=TYPE,
    encoding_type=TYPE,
    output_dtype=ELEMENT,
)
EMBED: Final = named("OpenAiRequest", _EMBED)
_MULTIMODAL: Final = fields(
    ("model", "inputs"),
    model=MODEL,
    inputs={"type": "array", "items": CONTENT, "minItems": 1},
    output_dimension=DIMENSIONS,
    output_dtype=ELEMENT,
    output_encoding=choice("base64"),
    encoding_format=choice("base64"),
)
MULTIMODAL: Final = named("VoyageRequest", _MULTIMODAL)
EXAMPLES: Final = {
    "an image": {"model": "jina-clip-v2", "input": [{"image": PICTURE}]},
    "a text": {"model": "text-embedding-3-small", "input": "a cat", "dimensions": 512},
    "a list": {"model": "jina-clip-v2", "input": ["a cat", {"image": PICTURE}]},
}
MULTIMODAL_EXAMPLES: Final = {
    "an image with its caption": {
        "model": "voyage-multimodal-3",
        "inputs": [
            {
                "content": [
                    {"type": "text", "text": "a cat"},
                    {"type": "image_base64", "image_base64": PICTURE},
                ]
            }
        ],
    }
}


class OpenAiVector(Shape):
    """One embedding; in base64 where the request asks for it."""

    object: Literal["embedding"]
    index: int = Field(examples=[0])
    embedding: list[float] | str = Field(examples=[VECTOR])


class OpenAiUsage(Shape):
    """Tokens, as the encoder counts its input."""

    prompt_tokens: int = Field(examples=[81])
    total_tokens: int = Field(examples=[81])


class OpenAiEmbeddings(Shape):
    """The answer to a list, in its order."""

    object: Literal["list"]
    model: str = Field(examples=["jina-clip-v2"])
    data: list[OpenAiVector]
    usage: OpenAiUsage


class VoyageUsage(Shape):
    """Tokens of texts, pixels of images as they were sent."""

    text_tokens: int = Field(examples=[5])
    image_pixels: int = Field(examples=[1600])
    video_pixels: Literal[0]
    total_tokens: int = Field(examples=[86])


class VoyageEmbeddings(Shape):
    """The answer to a multimodal list, in its order."""

    object: Literal["list"]
    model: str = Field(examples=["voyage-multimodal-3"])
    data: list[OpenAiVector]
    usage: VoyageUsage


class OpenAiModel(Shape):
    """A model's name."""

    id: str = Field(examples=["jina-clip-v2"])
    object: Literal["model"]
    created: int = Field(examples=[1767225600])
    owned_by: Literal["imgvec"]
    stats: dict[str, int] = Field(examples=[{}])


class CohereModel(Shape):
    """The same, as Cohere's client reads it."""

    name: str = Field(examples=["jina-clip-v2"])
    endpoints: list[str] = Field(examples=[["embed", "embed_image"]])


class OpenAiModels(Shape):
    """All models that are served."""

    object: Literal["list"]
    data: list[OpenAiModel]
    models: list[CohereModel]


class OpenAiError(Shape):
    """The part that OpenAI's clients read."""

    message: str = Field(examples=["input[0]: Not a supported image, or a damaged one"])
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(examples=["input"])
    code: str | None = Field(examples=[None])


class OpenAiProblem(Shape):
    """The error envelope; `detail`, `code` and `request_id` are for the other vendors' clients."""

    error: OpenAiError
    detail: str = Field(examples=["input[0]: Not a supported image, or a damaged one"])
    code: str = Field(default="", examples=["AUTH_INVALID_API_KEY"])
    request_id: str

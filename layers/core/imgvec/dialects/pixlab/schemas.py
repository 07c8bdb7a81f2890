"""OpenAPI schemas of PixLab's requests and responses."""

from typing import Final, Literal

from pydantic import Field

from imgvec.api.openapi import (
    FILE,
    PICTURE,
    STRING,
    VECTOR,
    Schema,
    Shape,
    choice,
    fields,
    key_place,
    named,
    one_of,
    parameter,
)

KEY_PLACES: Final = {
    "PixLab": key_place("key", "query", "Your API key; or as the field `key` of a body"),
    "PixLabHeader": key_place("WWW-Authenticate", "header", "The same key, raw"),
}
DIMENSION: Final = choice(1024, 512, kind="integer")
KEY: Final[Schema] = {**STRING, "description": "Your API key, where it stands nowhere else"}
IMG: Final[Schema] = {**STRING, "description": "URL, data URI or base64"}
IMAGES: Final[Schema] = {
    "description": "An image, or a list of up to 100",
    **one_of(IMG, {"type": "array", "items": IMG, "minItems": 1, "maxItems": 100}),
}
URL: Final[Schema] = {**STRING, "description": "The same as `img`"}
QUERY: Final = (
    parameter("img", "query", "URL, data URI or base64", example=PICTURE),
    parameter("url", "query", "The same as `img`"),
    parameter("dimension", "query", "Dimensions of the vector", DIMENSION),
)
FIELDS: Final = named("PixLabForm", fields((), img=IMG, url=URL, key=KEY, dimension=DIMENSION))
IMAGE: Final = named("PixLabImages", fields((), img=IMAGES, url=URL, key=KEY, dimension=DIMENSION))
UPLOAD: Final = named(
    "PixLabUpload", fields((), file=FILE, img=IMG, url=URL, key=KEY, dimension=DIMENSION)
)
EXAMPLES: Final = {
    "a data URI": {"img": PICTURE, "dimension": 512},
    "a URL of yours": {"img": "https://example.com/photo.jpg"},
    "a list": {"img": [PICTURE, PICTURE], "dimension": 512},
}
FAILS: Final = (400, 401, 402, 403, 404, 413, 415, 429, 500, 503)
STORE_FAILS: Final = (400, 401, 402, 413, 415, 429, 500, 503)
FILE_TO_STORE: Final = named("PixLabFile", fields(("file",), file=FILE, key=KEY, comment=STRING))


class PixLabEmbedding(Shape):
    """The answer of img-embed."""

    status: Literal[200]
    embedding: list[float] | list[list[float]] = Field(examples=[VECTOR])
    total_tokens: int = Field(examples=[81])


class PixLabLlmEmbedding(Shape):
    """The answer of LLM image embed."""

    status: Literal[200]
    id: str = Field(examples=["7C0DF1A2B9"])
    embedding: list[float] | list[list[float]] = Field(examples=[VECTOR])
    object: Literal["embedding"]
    created: int = Field(examples=[1767225600])
    model: Literal["pix-llm"]
    total_input_tokens: int = Field(examples=[81])
    total_output_tokens: Literal[0]


class PixLabStored(Shape):
    """The answer of store."""

    status: Literal[200]
    link: str = Field(examples=["http://127.0.0.1:8000/store/st_0123456789ABCDEFGHIJKLMNOPQ"])
    id: str = Field(examples=["st_0123456789ABCDEFGHIJKLMNOPQ"])


class PixLabProblem(Shape):
    """The vendor's error envelope; `status` mirrors the HTTP status."""

    status: int = Field(examples=[400])
    error: str = Field(examples=["Bad or missing parameter"])

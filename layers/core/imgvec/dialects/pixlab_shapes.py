"""What PixLab's requests and answers look like, for the OpenAPI file."""

from typing import Final

from imgvec.dialects.describe import FILE, INTEGER, STRING, Shape, fields, parameter

KEY: Final = (
    parameter("key", "query", "Your API key"),
    parameter("WWW-Authenticate", "header", "The same key, raw"),
)
QUERY: Final = (
    parameter("img", "query", "URL, data URI or base64"),
    parameter("url", "query", "The same as `img`"),
    parameter("dimension", "query", "512 or 1024", INTEGER),
)
IMAGE: Final = fields((), img=STRING, url=STRING, key=STRING, dimension=INTEGER)
UPLOAD: Final = fields((), file=FILE, img=STRING, url=STRING, key=STRING, dimension=INTEGER)
FAILS: Final = (400, 401, 402, 403, 404, 413, 415, 429, 500, 503)
FILE_TO_STORE: Final = fields(("file",), file=FILE, key=STRING, comment=STRING)


class PixLabEmbedding(Shape):
    """The answer of img-embed."""

    status: int
    embedding: list[float]
    total_tokens: int


class PixLabLlmEmbedding(Shape):
    """The answer of LLM image embed."""

    status: int
    id: str
    embedding: list[float]
    object: str
    created: int
    model: str
    total_input_tokens: int
    total_output_tokens: int


class PixLabStored(Shape):
    """The answer of store."""

    status: int
    link: str
    id: str


class PixLabProblem(Shape):
    """The vendor's error envelope; `status` mirrors the HTTP status."""

    status: int
    error: str

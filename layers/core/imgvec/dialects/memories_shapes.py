"""What memories.ai's requests and answers look like, for the OpenAPI file."""

from typing import Final

from imgvec.dialects.describe import Shape, answers, parameter, path_parameter

FAILS: Final = (400, 401, 402, 403, 415, 429, 500, 503)
KEY: Final = parameter("Authorization", "header", "Your API key, raw or as `Bearer <key>`")
ASSET_ID: Final = path_parameter("asset_id")


class MemoriesVector(Shape):
    """One vector."""

    embedding: list[float]


class MemoriesImageEmbedding(Shape):
    """The answer of embeddings/image."""

    code: int
    msg: str
    data: MemoriesVector
    success: bool
    failed: bool


class MemoriesTextEmbeddings(Shape):
    """The answer of embeddings/text: one vector for each input, in order."""

    code: int
    msg: str
    data: list[MemoriesVector]
    success: bool
    failed: bool


class MemoriesAnswer(Shape):
    """The envelope of the asset calls."""

    code: int
    msg: str
    data: dict[str, object] | None
    success: bool
    failed: bool


class MemoriesFailure(Shape):
    """The vendor's error envelope."""

    code: int
    msg: str
    data: None
    success: bool
    failed: bool


ASSET_FAILS: Final = answers(None, MemoriesFailure, *FAILS, 404)
"""404 where the id has not the form of one: then there is no such path."""
ASSET_ANSWERS: Final = answers(MemoriesAnswer, MemoriesFailure, *FAILS, 404)

"""OpenAPI schemas of memories.ai's requests and responses."""

from typing import Final, Literal

from pydantic import Field

from imgvec.api.openapi import VECTOR, Shape, answers, key_place, path_parameter

FAILS: Final = (400, 401, 402, 403, 415, 429, 500, 503)
KEY_PLACES: Final = {
    "memories.ai": key_place("Authorization", "header", "Your API key, raw or as `Bearer <key>`")
}
ASSET_ID: Final = path_parameter("asset_id")


class MemoriesVector(Shape):
    """One vector."""

    embedding: list[float] = Field(examples=[VECTOR])


class MemoriesImageEmbedding(Shape):
    """The answer of embeddings/image."""

    code: Literal[200]
    msg: Literal["success"]
    data: MemoriesVector
    success: Literal[True]
    failed: Literal[False]


class MemoriesTextEmbeddings(Shape):
    """The answer of embeddings/text: one vector for each input, in order."""

    code: Literal[200]
    msg: Literal["success"]
    data: list[MemoriesVector]
    success: Literal[True]
    failed: Literal[False]


class MemoriesAnswer(Shape):
    """The envelope of the asset calls."""

    code: Literal[200]
    msg: Literal["success"]
    data: dict[str, object] | None = Field(examples=[{"asset_id": "re_000000000000000001"}])
    success: Literal[True]
    failed: Literal[False]


class MemoriesFailure(Shape):
    """The vendor's error envelope."""

    code: int = Field(examples=[400])
    msg: str = Field(examples=["Bad or missing parameter"])
    data: None
    success: Literal[False]
    failed: Literal[True]


UPLOAD_ANSWERS: Final = answers(MemoriesAnswer, MemoriesFailure, *FAILS)
PUT_FAILS: Final = answers(None, MemoriesFailure, 400, 402, 404, 429, 500, 503)
"""404 where the id is malformed: then no route matches."""
ASSET_FAILS: Final = answers(None, MemoriesFailure, 400, 401, 403, 404, 429, 500, 503)
ASSET_ANSWERS: Final = {**answers(MemoriesAnswer, MemoriesFailure), **ASSET_FAILS}

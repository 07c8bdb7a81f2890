"""OpenAPI schemas of Cohere's requests and responses."""

from typing import Final, Literal

from pydantic import Field

from imgvec.api.openapi import (
    PICTURE,
    STRING,
    VECTOR,
    Schema,
    Shape,
    choice,
    fields,
    key_place,
    named,
)
from imgvec.dialects.cohere.inputs import INPUT_TYPES, TRUNCATE, TYPES

MOST: Final = 96
"""Inputs of a request, as the vendor has it."""
KEY_PLACES: Final = {
    "Cohere": {"type": "http", "scheme": "bearer", "description": "Your API key"},
    "CohereHeader": key_place("x-api-key", "header", "The same key"),
}
CHECK_FAILS: Final = (401, 429, 500, 503)
FAILS: Final = (400, 401, 402, 403, 404, 412, 413, 415, 429, 500, 503)
UUID: Final = "5c0f3f7e-8f5e-4b1e-9f43-8a1f6f3b0c55"


def _listed(items: Schema, most: int = MOST) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


_PART: Final[Schema] = {
    "oneOf": [
        named("CohereTextPart", fields(("type", "text"), type=choice("text"), text=STRING)),
        named(
            "CohereUrlPart",
            fields(
                ("type", "image_url"),
                type=choice("image_url"),
                image_url=named("CohereUrl", fields(("url",), url=STRING)),
            ),
        ),
        named("CohereImagePart", fields(("type", "image"), type=choice("image"), image=STRING)),
    ]
}
_INPUT: Final = named(
    "CohereInput",
    fields(("content",), content={"type": "array", "items": _PART, "minItems": 1}),
)
_TEXTS: Final = _listed(STRING)
_IMAGES: Final = _listed({**STRING, "description": "A data URI, a URL or base64"})
_REST: Final[dict[str, Schema]] = {
    "model": {**STRING, "description": "The vendor's model, or the id of an encoder"},
    "output_dimension": choice(512, 768, 1024, kind="integer"),
    "input_type": named(
        "CohereInputType", {**choice(*INPUT_TYPES), "description": "Does not change a vector"}
    ),
    "embedding_types": _listed(named("CohereType", choice(*TYPES)), len(TYPES)),
    "truncate": named("CohereTruncate", choice(*TRUNCATE)),
}
V1: Final = named("CohereRequestV1", fields(("model",), texts=_TEXTS, images=_IMAGES, **_REST))
V2: Final = named(
    "CohereRequest",
    fields(("model",), texts=_TEXTS, images=_IMAGES, inputs=_listed(_INPUT), **_REST),
)
V1_EXAMPLES: Final = {
    "an image": {"model": "embed-english-v3.0", "images": [PICTURE], "input_type": "image"},
    "texts": {"model": "embed-english-v3.0", "texts": ["a cat", "a dog"]},
}
V2_EXAMPLES: Final = {
    "an image": {
        "model": "embed-english-v3.0",
        "images": [PICTURE],
        "input_type": "image",
        "embedding_types": ["float"],
    },
    "texts, as bits": {
        "model": "embed-v4.0",
        "output_dimension": 512,
        "texts": ["a cat", "a dog"],
        "embedding_types": ["ubinary"],
    },
    "an image with its caption": {
        "model": "embed-v4.0",
        "output_dimension": 1024,
        "inputs": [
            {
                "content": [
                    {"type": "text", "text": "a cat"},
                    {"type": "image_url", "image_url": {"url": PICTURE}},
                ]
            }
        ],
    },
}


class CohereVectors(Shape):
    """The vectors in each of the types that were asked for."""

    floats: list[list[float]] = Field(default=[], alias="float", examples=[[VECTOR]])
    int8: list[list[int]] = Field(default=[], examples=[[[70, 2, -2]]])
    uint8: list[list[int]] = Field(default=[], examples=[[[198, 130, 126]]])
    binary: list[list[int]] = Field(default=[], examples=[[[64, -3]]])
    ubinary: list[list[int]] = Field(default=[], examples=[[[192, 125]]])
    base64: list[str] = Field(default=[], examples=[["zy0IP44gkDw="]])


class CohereImage(Shape):
    """An image that was embedded."""

    width: int = Field(examples=[40])
    height: int = Field(examples=[40])
    format: str = Field(examples=["webp"])
    bit_depth: Literal[24]


class CohereVersion(Shape):
    """The version of the route."""

    version: Literal["1", "2"]


class CohereUnits(Shape):
    """Images, and tokens of texts; each only where there were any."""

    images: int = Field(default=0, examples=[1])
    input_tokens: int = Field(default=0, examples=[6])


class CohereMeta(Shape):
    """Version and units."""

    api_version: CohereVersion
    billed_units: CohereUnits


class CohereEmbeddings(Shape):
    """The answer of version 2, and of version 1 with `embedding_types`."""

    id: str = Field(examples=[UUID])
    response_type: Literal["embeddings_by_type"]
    embeddings: CohereVectors
    texts: list[str] = Field(examples=[[]])
    images: list[CohereImage]
    meta: CohereMeta


class CohereEmbeddingsV1(Shape):
    """The answer of version 1; with `embedding_types` it is that of version 2."""

    id: str = Field(examples=[UUID])
    response_type: Literal["embeddings_floats", "embeddings_by_type"]
    embeddings: list[list[float]] | CohereVectors = Field(examples=[[VECTOR]])
    texts: list[str] = Field(examples=[[]])
    images: list[CohereImage]
    meta: CohereMeta


class CohereKey(Shape):
    """The key is valid; its consumer and its id."""

    valid: Literal[True]
    organization_id: str = Field(examples=["my-team"])
    owner_id: str = Field(examples=["k_1a2B3c4D5e"])


class CohereProblem(Shape):
    """The vendor's error envelope."""

    id: str = Field(examples=[UUID])
    message: str = Field(examples=["images[0]: Not a supported image, or a damaged one"])

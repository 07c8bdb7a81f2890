"""OpenAPI schemas of requests and answers."""

from typing import Final

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
    one_of,
)

KEY_PLACES: Final = {
    "Bedrock": {"type": "http", "scheme": "bearer", "description": "Your API key"},
    "BedrockToken": key_place(
        "X-Amz-Security-Token", "header", "The same key, as session token beside a signature"
    ),
}
FAILS: Final = (400, 403, 404, 412, 429, 500, 503)
IMAGE: Final[Schema] = {**STRING, "description": "Base64, a data URI or a URL"}
BASE64: Final = PICTURE.partition(",")[2]

_TITAN_CONFIG: Final = fields((), outputEmbeddingLength=choice(1024, kind="integer"))
TITAN: Final = named(
    "TitanRequest",
    fields(
        (),
        inputText=STRING,
        inputImage=IMAGE,
        embeddingConfig=named("TitanConfig", _TITAN_CONFIG),
    ),
)
TITAN_EXAMPLES: Final = {
    "an image": {"inputImage": BASE64},
    "a text": {"inputText": "a cat"},
    "both as one": {"inputImage": BASE64, "inputText": "a cat"},
}
_COHERE: Final[dict[str, Schema]] = {
    "texts": {"type": "array", "items": STRING},
    "images": {"type": "array", "items": IMAGE},
    "input_type": STRING,
    "embedding_types": {"type": "array", "items": choice("float")},
}
COHERE: Final = named("BedrockCohereRequest", fields((), **_COHERE))
COHERE_EXAMPLES: Final = {
    "an image": {"images": [PICTURE], "input_type": "image", "embedding_types": ["float"]},
    "texts": {"texts": ["a cat", "a dog"], "input_type": "search_query"},
}
PART: Final = one_of(
    named("BedrockTextPart", fields(("type", "text"), type=choice("text"), text=STRING)),
    named(
        "BedrockUrlPart",
        fields(
            ("type", "image_url"),
            type=choice("image_url"),
            image_url=one_of(STRING, named("BedrockUrl", fields(("url",), url=STRING))),
        ),
    ),
    named("BedrockImagePart", fields(("type", "image"), type=choice("image"), image=IMAGE)),
)
CONTENT: Final = named(
    "BedrockContent",
    fields(("content",), content={"type": "array", "items": PART, "minItems": 1}),
)
COHERE_FOUR: Final = named(
    "BedrockCohereV4Request",
    fields(
        ("output_dimension",),
        **_COHERE,
        inputs={"type": "array", "items": CONTENT},
        output_dimension=choice(512, 1024, kind="integer"),
    ),
)
COHERE_FOUR_EXAMPLES: Final = {
    "an image": {"images": [PICTURE], "input_type": "search_document", "output_dimension": 512},
    "an image with its caption": {
        "inputs": [
            {
                "content": [
                    {"type": "text", "text": "a cat"},
                    {"type": "image_url", "image_url": {"url": PICTURE}},
                ]
            }
        ],
        "input_type": "search_document",
        "output_dimension": 1024,
    },
}
_NOVA_SOURCE: Final = named("NovaSource", fields(("bytes",), bytes=IMAGE))
_NOVA_PARAMETERS: Final = fields(
    ("embeddingDimension",),
    embeddingPurpose=STRING,
    embeddingDimension=choice(1024, kind="integer"),
    text=named("NovaText", fields(("value",), truncationMode=STRING, value=STRING)),
    image=named("NovaImage", fields(("source",), format=STRING, source=_NOVA_SOURCE)),
)
NOVA: Final = named(
    "NovaRequest",
    fields(
        ("taskType", "singleEmbeddingParams"),
        taskType=choice("SINGLE_EMBEDDING"),
        singleEmbeddingParams=named("NovaParameters", _NOVA_PARAMETERS),
    ),
)
NOVA_EXAMPLES: Final = {
    "an image": {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": "GENERIC_INDEX",
            "embeddingDimension": 1024,
            "image": {"format": "webp", "source": {"bytes": BASE64}},
        },
    },
}


class TitanEmbedding(Shape):
    """The vector of a text, an image or both."""

    embedding: list[float] = Field(examples=[VECTOR])
    inputTextTokenCount: int = Field(examples=[5])
    message: None


class CohereVectors(Shape):
    """The vectors of a list, in its order; by type where the request names types."""

    id: str = Field(examples=["6c5e1b0c-3a3f-4a1e-9a65-0d3c2a4f8f11"])
    response_type: str = Field(examples=["embeddings_floats"])
    embeddings: list[list[float]] | dict[str, list[list[float]]] = Field(examples=[[VECTOR]])
    texts: list[str] = Field(examples=[[]])
    input_type: str | None = Field(examples=["image"])


class NovaVector(Shape):
    """One vector."""

    embeddingType: str = Field(examples=["IMAGE"])
    embedding: list[float] = Field(examples=[VECTOR])


class NovaEmbeddings(Shape):
    """The vector of a text or an image."""

    embeddings: list[NovaVector]


class BedrockProblem(Shape):
    """The error envelope; the exception's name stands in the header `x-amzn-errortype`."""

    message: str = Field(default="", examples=["Give 'inputText', 'inputImage' or both"])
    Message: str = Field(default="", description="In its place, for a wrong bearer key")

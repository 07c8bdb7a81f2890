"""The routes that embed an image, and a sender of good and bad requests to them."""

import json
from dataclasses import dataclass
from typing import Final

import httpx2

from tests.support.contract.checks import (
    ErrorCheck,
    assert_bedrock_error,
    assert_cohere_error,
    assert_coreviz_error,
    assert_memories_error,
    assert_openai_error,
    assert_pixlab_error,
    assert_weaviate_error,
)
from tests.support.server.places import PictureServer, Place

JSON: Final = "application/json"
V2: Final = "/serve/api/v2"
ASSET: Final = f"{V2}/re_000000000000000000"
OVER_BODY: Final = 20_000_001
"""One byte more than the default limit of a body and of an image."""

KEY_HEADERS: Final = {
    "coreviz": "x-api-key",
    "pixlab": "WWW-Authenticate",
    "memories.ai": "Authorization",
    "openai": "x-api-key",
    "cohere": "x-api-key",
    "weaviate": "x-api-key",
    "bedrock": "X-Amz-Security-Token",
}
CHECKS: Final[dict[str, ErrorCheck]] = {
    "coreviz": assert_coreviz_error,
    "pixlab": assert_pixlab_error,
    "memories.ai": assert_memories_error,
    "openai": assert_openai_error,
    "cohere": assert_cohere_error,
    "weaviate": assert_weaviate_error,
    "bedrock": assert_bedrock_error,
}


@dataclass(frozen=True)
class Endpoint:
    """A route that embeds an image named in a JSON body, with the key in a header."""

    dialect: str
    path: str
    image: str
    """Name of the body's field."""
    more: tuple[tuple[str, str], ...] = ()
    """The body's other fields."""
    within: str = ""
    """Name of the body's list in which the field stands, if it does."""
    listed: bool = False
    """Whether the field is a list of images."""

    def body(self, image: str) -> dict[str, object]:
        """A good body about this image."""
        field: dict[str, object] = {self.image: [image] if self.listed else image}
        return {**({self.within: [field]} if self.within else field), **dict(self.more)}

    def check(self, response: httpx2.Response, status: int) -> None:
        """The answer is this error, in the dialect's envelope."""
        CHECKS[self.dialect](response, status)


ENDPOINTS: Final = {
    "coreviz": Endpoint("coreviz", "/api/ai/embeddings", "image"),
    "coreviz-sdk": Endpoint("coreviz", "/api/ai/embed", "input", (("type", "image"),)),
    "pixlab": Endpoint("pixlab", "/imgembed", "img"),
    "pixlab-llm": Endpoint("pixlab", "/llmimgembed", "img"),
    "memories": Endpoint(
        "memories.ai", f"{V2}/embeddings/image", "image_url", (("model", "mobileclip"),)
    ),
    "cohere": Endpoint(
        "cohere", "/v2/embed", "images", (("model", "embed-english-v3.0"),), listed=True
    ),
    "openai": Endpoint(
        "openai", "/v1/embeddings", "image", (("model", "voyage-multimodal-3"),), "input"
    ),
    "weaviate": Endpoint("weaviate", "/weaviate/512/vectorize", "images", listed=True),
    "bedrock-titan": Endpoint(
        "bedrock", "/bedrock/model/amazon.titan-embed-image-v1/invoke", "inputImage"
    ),
    "bedrock-cohere": Endpoint(
        "bedrock", "/bedrock/model/cohere.embed-english-v3/invoke", "images", listed=True
    ),
}


@dataclass(frozen=True)
class Asking:
    """A place, an endpoint of it, and the listener with pictures."""

    place: Place
    endpoint: Endpoint
    pictures: PictureServer

    def about(self, image: str, key: str | None = None) -> httpx2.Response:
        """A good body about an image; the place's good key unless another is given."""
        return self.raw(json.dumps(self.endpoint.body(image)).encode(), key=key)

    def at(self, name: str, data: bytes) -> httpx2.Response:
        """A good body about an image that the listener serves."""
        return self.about(self.pictures.url(name, data))

    def raw(
        self,
        content: bytes,
        media_type: str = JSON,
        key: str | None = None,
        method: str = "POST",
        below: str = "",
    ) -> httpx2.Response:
        """Any body; an empty key sends no key header."""
        shown = self.place.key if key is None else key
        headers = {
            "Content-Type": media_type,
            **({KEY_HEADERS[self.endpoint.dialect]: shown} if shown else {}),
        }
        path = self.endpoint.path + below
        return self.place.client.request(method, path, content=content, headers=headers)

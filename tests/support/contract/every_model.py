"""A request of an image and one of a text for every model of every dialect, at each dimensions."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from imgvec.dialects.openai.models import ALIASES as OPENAI
from tests.support.contract.checks import data_uri, small_png
from tests.support.contract.embed_routes import V2

PICTURE: Final = small_png()
URI: Final = data_uri(PICTURE, "image/png")
BASE64: Final = base64.b64encode(PICTURE).decode()
INVOKE: Final = "/bedrock/model/{}/invoke"
ALL: Final = (512, 768, 1024)


@dataclass(frozen=True)
class Case:
    """A model of a dialect at its dimensions: a request of an image, and one of a text."""

    dialect: str
    model: str
    dimensions: int
    path: str
    image: dict[str, Any]
    """A JSON body; with `files` it is a form."""
    text: dict[str, Any] | None
    """None where the vendor embeds no texts."""

    @property
    def name(self) -> str:
        """Of the test."""
        return f"{self.path} {self.model} {self.dimensions}"

    def ask(self, client: httpx2.Client, body: dict[str, Any]) -> httpx2.Response:
        """A request with this body."""
        if "file" in body:
            files = {"file": body["file"]}
            data = {name: value for name, value in body.items() if name != "file"}
            return client.post(self.path, files=files, data=data)
        return client.post(self.path, json=body)


def _cases() -> Iterator[Case]:
    for path in ("/api/ai/embeddings", "/api/ai/embed"):
        yield Case("coreviz", "default", 768, path, {"image": URI}, {"text": "a cat"})
    yield Case("pixlab", "img-embed", 1024, "/imgembed", {"img": BASE64}, None)
    yield Case("pixlab", "img-embed", 512, "/imgembed", {"img": BASE64, "dimension": 512}, None)
    yield Case("pixlab", "pix-llm", 512, "/llmimgembed", {"img": BASE64}, None)
    yield Case("pixlab", "pix-llm", 1024, "/llmimgembed", {"img": BASE64, "dimension": 1024}, None)
    for model, dimensions in (("mobileclip", 512), ("multimodalembedding@001", 1024)):
        image = {"file": PICTURE, "model": model}
        yield Case("memories.ai", model, dimensions, f"{V2}/embeddings/image", image, None)
        text = {"input": "a cat", "model": model}
        yield Case("memories.ai", model, dimensions, f"{V2}/embeddings/text", text, text)
    for dimensions in ALL:
        model = "gemini-embedding-001"
        named = {"input": "a cat", "model": model, "dimensionality": dimensions}
        yield Case("memories.ai", model, dimensions, f"{V2}/embeddings/text", named, named)
        path = f"/weaviate/{dimensions}/vectorize"
        model = "multi2vec-clip"
        yield Case("weaviate", model, dimensions, path, {"images": [BASE64]}, {"texts": ["a cat"]})
    for model, dimensions in ((alias.model, one) for alias in OPENAI for one in alias.dimensions):
        more = {"model": model, "dimensions": dimensions}
        bodies = ({**more, "input": [one]} for one in (URI, "a cat"))
        yield Case("openai", model, dimensions, "/v1/embeddings", *bodies)
    for path, four in (("/v1/embed", 512), ("/v2/embed", 1024)):
        for model, dimensions in (
            ("embed-english-v3.0", 1024),
            ("embed-multilingual-v3.0", 1024),
            ("embed-v4.0", four),
        ):
            asked = {"model": model, "output_dimension": dimensions}
            lists = ({**asked, "images": [URI]}, {**asked, "texts": ["a cat"]})
            yield Case("cohere", model, dimensions, path, *lists)
    yield from _bedrock()


def _bedrock() -> Iterator[Case]:
    model = "amazon.titan-embed-image-v1"
    bodies = ({"inputImage": BASE64}, {"inputText": "a cat"})
    yield Case("bedrock", model, 1024, INVOKE.format(model), *bodies)
    for model in ("cohere.embed-english-v3", "cohere.embed-multilingual-v3"):
        cohere = ({"images": [URI]}, {"texts": ["a cat"]})
        yield Case("bedrock", model, 1024, INVOKE.format(model), *cohere)
    model = "cohere.embed-v4"
    for dimensions in (512, 1024):
        four = [{**one, "output_dimension": dimensions} for one in cohere]
        yield Case("bedrock", model, dimensions, INVOKE.format(model), *four)
    model = "amazon.nova-2-multimodal-embeddings-v1"
    parts = (
        {"image": {"format": "png", "source": {"bytes": BASE64}}},
        {"text": {"truncationMode": "END", "value": "a cat"}},
    )
    nova = (
        {
            "taskType": "SINGLE_EMBEDDING",
            "singleEmbeddingParams": {
                "embeddingPurpose": "GENERIC_INDEX",
                "embeddingDimension": 1024,
                **part,
            },
        }
        for part in parts
    )
    yield Case("bedrock", model, 1024, INVOKE.format(model), *nova)


CASES: Final = {case.name: case for case in _cases()}

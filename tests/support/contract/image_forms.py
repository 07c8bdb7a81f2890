"""Every form in which the dialects take one image."""

import base64
from collections.abc import Callable
from typing import Any

import httpx2

from tests.support.contract.checks import data_uri
from tests.support.contract.embed_routes import V2
from tests.support.server.places import PictureServer, Place

FOUR = "cohere.embed-v4:0"
MEMORIES_MODELS = {512: "mobileclip", 1024: "multimodalembedding@001"}


class Caller:
    """Sends one image in every form that the dialects know; all give the response."""

    def __init__(self, place: Place, pictures: PictureServer, name: str, data: bytes) -> None:
        self.client = place.client
        self.key = place.key
        self.data = data
        self.url = pictures.url(name, data)
        self.uri = data_uri(data)
        self.base64 = base64.b64encode(data).decode()
        self.url_safe = base64.urlsafe_b64encode(data).decode()

    def coreviz(self, path: str = "/api/ai/embeddings", **body: str) -> httpx2.Response:
        """A body for CoreViz."""
        return self.client.post(path, json=body, headers={"x-api-key": self.key})

    def img_embed(self, width: int, **fields: str) -> httpx2.Response:
        """JSON for PixLab's img-embed."""
        body = {**fields, "dimension": width, "key": self.key}
        return self.client.post("/imgembed", json=body)

    def query(self, width: int, **fields: str) -> httpx2.Response:
        """A GET of PixLab's img-embed."""
        params = {**fields, "dimension": str(width), "key": self.key}
        return self.client.get("/imgembed", params=params)

    def form(self, width: int, **more: Any) -> httpx2.Response:
        """A form for PixLab's img-embed."""
        data = {"dimension": str(width), "key": self.key, **more.pop("data", {})}
        return self.client.post("/imgembed", data=data, **more)

    def llm(self, width: int, **fields: str) -> httpx2.Response:
        """JSON for PixLab's LLM embed."""
        body = {**fields, "dimension": width, "key": self.key}
        return self.client.post("/llmimgembed", json=body)

    def stored_link(self) -> str:
        """The image's link at PixLab's store."""
        files = {"file": self.data}
        link: str = self.client.post("/store", files=files, data={"key": self.key}).json()["link"]
        return link

    def cohere(self, width: int, path: str = "/v2/embed", **body: Any) -> httpx2.Response:
        """A body for Cohere."""
        content = {"model": "embed-v4.0", "output_dimension": width, **body}
        return self.client.post(path, json=content, headers={"x-api-key": self.key})

    def bedrock(self, model: str, **body: Any) -> httpx2.Response:
        """A body for a model at Bedrock."""
        headers = {"X-Amz-Security-Token": self.key}
        return self.client.post(f"/bedrock/model/{model}/invoke", json=body, headers=headers)

    def weaviate(self, width: int, **body: Any) -> httpx2.Response:
        """Lists for Weaviate's module."""
        auth = ("imgvec", self.key)
        return self.client.post(f"/weaviate/{width}/vectorize", json=body, auth=auth)

    def memories(self, width: int, **more: Any) -> httpx2.Response:
        """memories.ai's embeddings/image."""
        model = {"model": MEMORIES_MODELS[width]}
        content = {"json": {**model, **more}} if "files" not in more else {**more, "data": model}
        headers = {"Authorization": self.key}
        return self.client.post(f"{V2}/embeddings/image", headers=headers, **content)

    def openai(self, width: int, *inputs: object) -> httpx2.Response:
        """The merged dialect's embeddings, under a model of Jina's."""
        body = {"model": "jina-clip-v2", "dimensions": width, "input": list(inputs)}
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.client.post("/v1/embeddings", json=body, headers=headers)

    def voyage(self, *content: object) -> httpx2.Response:
        """Voyage's multimodal embeddings; the contents are one input."""
        body = {"model": "voyage-multimodal-3", "inputs": [{"content": content}]}
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.client.post("/v1/multimodalembeddings", json=body, headers=headers)

    def asset(self) -> str:
        """The image's asset id at memories.ai."""
        response = self.client.post(
            f"{V2}/upload", files={"file": self.data}, headers={"Authorization": self.key}
        )
        asset_id: str = response.json()["data"]["asset_id"]
        return asset_id


WAYS: dict[str, Callable[[Caller, int], httpx2.Response]] = {
    "query url": lambda c, w: c.query(w, img=c.url),
    "query url as url": lambda c, w: c.query(w, url=c.url),
    "query stored link": lambda c, w: c.query(w, img=c.stored_link()),
    "json url": lambda c, w: c.img_embed(w, img=c.url),
    "json url with a query": lambda c, w: c.img_embed(w, img=c.url + "?size=full"),
    "json base64": lambda c, w: c.img_embed(w, img=c.base64),
    "json url-safe base64": lambda c, w: c.img_embed(w, img=c.url_safe),
    "json data URI": lambda c, w: c.img_embed(w, img=c.uri),
    "json stored link": lambda c, w: c.img_embed(w, img=c.stored_link()),
    "urlencoded base64": lambda c, w: c.form(w, data={"img": c.base64}),
    "urlencoded url-safe base64": lambda c, w: c.form(w, data={"img": c.url_safe}),
    "urlencoded url": lambda c, w: c.form(w, data={"url": c.url}),
    "multipart file": lambda c, w: c.form(w, files={"file": c.data}),
    "multipart base64": lambda c, w: c.form(w, files={"img": (None, c.base64)}),
    "multipart url": lambda c, w: c.form(w, files={"img": (None, c.url)}),
    "llm url": lambda c, w: c.llm(w, img=c.url),
    "llm base64": lambda c, w: c.llm(w, img=c.base64),
    "llm url-safe base64": lambda c, w: c.llm(w, img=c.url_safe),
    "llm data URI": lambda c, w: c.llm(w, img=c.uri),
    "llm stored link": lambda c, w: c.llm(w, img=c.stored_link()),
    "cohere data URI": lambda c, w: c.cohere(w, images=[c.uri]),
    "cohere url": lambda c, w: c.cohere(w, images=[c.url]),
    "cohere base64": lambda c, w: c.cohere(w, "/v1/embed", images=[c.base64]),
    "cohere input": lambda c, w: c.cohere(
        w, inputs=[{"content": [{"type": "image_url", "image_url": {"url": c.uri}}]}]
    ),
    "bedrock data URI": lambda c, w: c.bedrock(FOUR, images=[c.uri], output_dimension=w),
    "bedrock url": lambda c, w: c.bedrock(FOUR, images=[c.url], output_dimension=w),
    "weaviate base64": lambda c, w: c.weaviate(w, images=[c.base64]),
    "weaviate url": lambda c, w: c.weaviate(w, images=[c.url]),
    "memories file": lambda c, w: c.memories(w, files={"file": c.data}),
    "memories url": lambda c, w: c.memories(w, image_url=c.url),
    "memories asset": lambda c, w: c.memories(w, asset_id=c.asset()),
    "openai data URI": lambda c, w: c.openai(w, c.uri),
    "openai base64": lambda c, w: c.openai(w, {"image": c.base64}),
    "openai url": lambda c, w: c.openai(w, {"url": c.url}),
}
COREVIZ_WAYS: dict[str, Callable[[Caller], httpx2.Response]] = {
    "url": lambda c: c.coreviz(image=c.url),
    "data URI": lambda c: c.coreviz(image=c.uri),
    "input url": lambda c: c.coreviz(input=c.url),
    "input data URI": lambda c: c.coreviz(input=c.uri),
    "input with type": lambda c: c.coreviz(input=c.uri, type="image"),
    "sdk": lambda c: c.coreviz("/api/ai/embed", image=c.url),
}

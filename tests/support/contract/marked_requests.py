"""Requests to every route, into every kind of outcome, with marks on all that is nobody's business.

A mark is a word that can come from nowhere else, so one look finds it wherever it went.
"""

import base64
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from imgvec.accounts.registry import Registry
from imgvec.stores.sqlite import SqliteStore
from imgvec.types import Plan, Quota
from tests.support.contract.embed_routes import JSON, KEY_HEADERS, V2
from tests.support.server.places import CAT, PictureServer

TEXT: Final = "MARKEDtext of a cat"
QUERY: Final = "token=MARKEDquery"
PASSWORD: Final = "MARKEDpassword"
FILENAME: Final = "MARKEDfilename.jpg"
REPEAT: Final = "MARKEDrepeat"
IMAGE: Final = CAT.read_bytes() + b"MARKEDimage" * 3
IMAGE64: Final = base64.b64encode(IMAGE).decode()
MISTYPED: Final = "imgvec_MARKEDmistyped0000000000000000000"
FIELD: Final = "MARKEDfield"
VECTORIZE: Final = "/weaviate/512/vectorize"
INVOKE: Final = "/bedrock/model/{}/invoke"
TITAN: Final = INVOKE.format("amazon.titan-embed-image-v1")
COHERE: Final = (
    INVOKE.format("cohere.embed-english-v3"),
    INVOKE.format("cohere.embed-multilingual-v3"),
    INVOKE.format("cohere.embed-v4"),
)
NOVA: Final = INVOKE.format("amazon.nova-2-multimodal-embeddings-v1")
MARK: Final = "MARKED"
MAX_BODY: Final = 150_000
"""`IMGVEC_MAX_BODY` and `IMGVEC_MAX_IMAGE` here."""
PIECES: Final = (IMAGE64[:40], IMAGE64[4000:4040], IMAGE64[-60:-20])
"""Of the image in base64; the mark itself is hidden in it."""


@dataclass(frozen=True)
class Keys:
    """A good key, and one for each reason to refuse."""

    good: str
    spent: str
    fast: str
    narrow: str
    disabled: str
    revoked: str


PLANS: Final = (
    Plan("spent", quota=Quota(daily=1)),
    Plan("fast", rate=0.001, burst=1),
    Plan("narrow", spaces=frozenset({768})),
)


def make_keys(data: Path) -> Keys:
    """Consumers, plans and keys in an embedded store."""
    with closing(SqliteStore(data)) as store:
        registry = Registry(store, "marks")
        for plan in PLANS:
            registry.put_plan(plan)
        planned = {plan.name: registry.create_key(plan.name, plan.name).key for plan in PLANS}
        disabled, revoked = registry.create_key("off"), registry.create_key("gone")
        registry.disable_key(disabled.record.key_id)
        registry.revoke_key(revoked.record.key_id)
        good = registry.create_key("good").key
    return Keys(good=good, disabled=disabled.key, revoked=revoked.key, **planned)


@dataclass(frozen=True)
class Sender:
    """Sends marked requests to one place."""

    client: httpx2.Client
    keys: Keys
    pictures: PictureServer

    def all(self) -> Iterator[httpx2.Response]:
        """Every route, every kind of outcome."""
        yield from self._images()
        yield from self._texts()
        yield from self._keys()
        yield from self._bodies()
        yield from self._assets()
        yield from self._paths()

    def embeds(self, key: str | None = None) -> Iterator[httpx2.Response]:
        """A good image by every route that embeds."""
        for image in (self._url("marked.jpg", IMAGE), f"data:image/jpeg;base64,{IMAGE64}"):
            yield from self._everywhere(image, key)

    def _url(self, name: str, data: bytes | None = None) -> str:
        return f"{self.pictures.url(name, data)}?{QUERY}"

    def _ask(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx2.Response:
        """With the key in the header that the path's vendor takes."""
        vendor = "bedrock" if path.startswith("/bedrock") else "coreviz"
        name = KEY_HEADERS["memories.ai" if path.startswith(V2) else vendor]
        headers = {name: key or self.keys.good, **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def _everywhere(self, image: str, key: str | None = None) -> Iterator[httpx2.Response]:
        repeat = {"Idempotency-Key": f"{REPEAT}{len(image)}"}
        shown = key or self.keys.good
        written = image.partition(",")[2] or image
        yield self._ask("POST", "/api/ai/embeddings", key, json={"image": image}, headers=repeat)
        sdk = {"input": image, "type": "image"}
        yield self._ask("POST", "/api/ai/embed", key, json=sdk)
        several = {"images": [image, image], "model": "embed-english-v3.0"}
        yield self._ask("POST", "/v2/embed", key, json=several)
        yield self.client.post("/imgembed", json={"img": written, "key": shown}, headers=repeat)
        yield self.client.post("/llmimgembed", json={"img": written, "key": shown})
        bearer = {"Authorization": f"Bearer {shown}"}
        listed = {"model": "jina-clip-v2", "input": [TEXT, {"image": image}]}
        yield self.client.post("/v1/embeddings", json=listed, headers={**bearer, **repeat})
        part = {"type": "image_url", "image_url": image}
        wanted = {"model": "voyage-multimodal-3", "inputs": [{"content": [part]}]}
        yield self.client.post("/v1/multimodalembeddings", json=wanted, headers=bearer)
        yield self.client.get("/v1/models", headers=bearer)
        yield self.client.get(f"/v1/models/{FIELD}", headers=bearer)
        yield self._ask("POST", VECTORIZE, key, json={"texts": [TEXT], "images": [written]})
        both = {"inputText": TEXT, "inputImage": written}
        yield self._ask("POST", TITAN, key, json=both, headers=repeat)
        for path in COHERE:
            images = {"images": [image], "output_dimension": 1024}
            yield self._ask("POST", path, key, json=images)
            yield self._ask("POST", path, key, json={"texts": [TEXT], "output_dimension": FIELD})
        source = {"source": {"bytes": written}}
        params = {"embeddingDimension": 1024, "image": source}
        nova = {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}
        yield self._ask("POST", NOVA, key, json=nova)
        if not image.startswith("data:"):
            yield self.client.get("/imgembed", params={"img": image, "key": shown})
            body = {"image_url": image, "model": "mobileclip"}
            yield self._ask("POST", f"{V2}/embeddings/image", key, json=body)

    def _images(self) -> Iterator[httpx2.Response]:
        yield from self.embeds()
        yield from self.embeds()  # again, with the same Idempotency-Key
        for url in (
            self._url("gone.jpg"),
            self._url("text.jpg", b"MARKEDimage, no image at all"),
            self._url("cut.jpg", IMAGE[:5000]),
            self._url("large.jpg", bytes(MAX_BODY + 1)),
            f"http://169.254.169.254/latest?{QUERY}",
            f"http://no-such-host.invalid/a?{QUERY}",
            f"http://{PASSWORD}:{PASSWORD}@example.com/?{QUERY}",
            f"http://[{FIELD}]/?{QUERY}",
            f"http://exa mple.com/?{QUERY}",
        ):
            yield from self._everywhere(url)
        for data in (b"MARKEDimage, no image", IMAGE[:5000], b"\x89PNG\r\n\x1a\nMARKEDimage"):
            encoded = base64.b64encode(data).decode()
            yield from self._everywhere(f"data:image/jpeg;base64,{encoded}")
        yield from self._everywhere(f"data:image/jpeg;base64,{IMAGE64}!")

    def _texts(self) -> Iterator[httpx2.Response]:
        path = f"{V2}/embeddings/text"
        for text in (TEXT, [TEXT, TEXT], [TEXT, 1], ""):
            body = {"input": text, "model": "mobileclip"}
            yield self._ask("POST", path, json=body, headers={"Idempotency-Key": f"{REPEAT}text"})
            yield self._ask("POST", "/api/ai/embeddings", json={"text": text})
            listed = {"texts": text, "model": "embed-english-v3.0"}
            yield self._ask("POST", "/v1/embed", json=listed)
        yield self._ask("POST", path, json={"input": TEXT, "model": FIELD})
        yield self._ask("POST", "/api/ai/embeddings", json={"text": TEXT, "model": FIELD})
        yield self._ask("POST", "/api/ai/embed", json={"input": TEXT, "type": FIELD})

    def _keys(self) -> Iterator[httpx2.Response]:
        keys = self.keys
        yield self._ask("POST", "/v1/check-api-key")
        yield self._ask("POST", "/v1/check-api-key", MISTYPED)
        for key in (keys.spent, keys.fast, keys.narrow, keys.disabled, keys.revoked, MISTYPED):
            yield from self.embeds(key)
        yield self.client.post("/store", data={"key": MISTYPED}, files={"file": IMAGE})
        yield self.client.get("/imgembed", params={"key": [keys.good, keys.fast], "img": TEXT})

    def _bodies(self) -> Iterator[httpx2.Response]:
        for path in (
            "/v2/embed",
            "/api/ai/embeddings",
            "/api/ai/embed",
            "/imgembed",
            "/llmimgembed",
            f"{V2}/embeddings/image",
            f"{V2}/embeddings/text",
            "/v1/embeddings",
            VECTORIZE,
            TITAN,
        ):
            query = {"key": self.keys.good} if "imgembed" in path else {}
            for content, media_type in (
                (f'{{"img": "{TEXT}"'.encode(), JSON),
                (f'["{TEXT}"]'.encode(), JSON),
                (TEXT.encode(), "text/xml"),
                (MARK.encode() * (MAX_BODY // 5), JSON),
            ):
                media = {"Content-Type": media_type}
                yield self._ask("POST", path, content=content, headers=media, params=query)

    def _assets(self) -> Iterator[httpx2.Response]:
        file = {"file": (FILENAME, IMAGE)}
        link = self.client.post("/store", data={"key": self.keys.good, "comment": TEXT}, files=file)
        yield link
        yield self.client.post(
            "/imgembed", json={"img": link.json()["link"], "key": self.keys.good}
        )
        large = {"file": (FILENAME, bytes(MAX_BODY + 1))}
        yield self.client.post("/store", data={"key": self.keys.good}, files=large)
        up = self._ask("POST", f"{V2}/upload", files=file)
        yield up
        asset = f"{V2}/{up.json()['data']['asset_id']}"
        yield self._ask("GET", f"{asset}/metadata")
        yield self._ask("GET", f"{asset}/metadata", key=self.keys.fast)
        yield self._ask("GET", f"{asset}/download")
        by_id = {"asset_id": up.json()["data"]["asset_id"], "model": "mobileclip"}
        yield self._ask("POST", f"{V2}/embeddings/image", json=by_id)
        name = {"original_filename": FILENAME}
        announced = self._ask("POST", f"{V2}/upload/signed-url", json=name)
        yield announced
        address = announced.json()["data"]["signed_url"]
        binary = {"Content-Type": "application/octet-stream"}
        wrong = address.replace("=", f"={FIELD}", 1)
        yield self.client.put(wrong, content=IMAGE, headers=binary)
        yield self.client.put(address, content=IMAGE, headers=binary)
        yield self._ask("DELETE", asset)
        yield self._ask("DELETE", f"{V2}/asset/{announced.json()['data']['asset_id']}")
        yield self._ask("GET", f"{V2}/{FIELD}/metadata")

    def _paths(self) -> Iterator[httpx2.Response]:
        for path in (
            f"/{FIELD}",
            f"/v2/{FIELD}",
            f"/api/ai/{FIELD}",
            f"/imgembed/{FIELD}",
            f"{V2}/a/b/{FIELD}",
        ):
            yield self._ask("GET", path, params={"key": self.keys.good, "img": QUERY})
        for path in ("/api/ai/embeddings", "/imgembed", f"{V2}/upload", VECTORIZE):
            yield self._ask("PATCH", path, params={"key": self.keys.good, "img": QUERY})
        for path in ("meta", ".well-known/ready", ".well-known/live"):
            yield self._ask("GET", f"/weaviate/512/{path}", params={"key": MISTYPED})
        yield self._ask("POST", INVOKE.format(FIELD), json={"inputText": TEXT})
        yield self.client.get("/health", params={"key": MISTYPED})
        yield self.client.get("/ready", params={"key": MISTYPED})

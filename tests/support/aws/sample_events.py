"""Makes `events/`: one event per dialect and form, from the requests of the contract tests, and the
variables that `sam local` gives to the functions.

`make events` writes them; a test fails when a file and the contract have drifted apart.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import httpx2

from imgvec.accounts.keys import digest
from tests.support.aws.http_events import DOMAIN, second_event_of
from tests.support.aws.rest_events import HOST, STAGE, Event, event_of
from tests.support.contract.embed_routes import V2
from tests.support.contract.image_forms import Caller
from tests.support.server.places import ROOT, PictureServer, Place

FOLDER: Final = ROOT / "events"
EVENT_KEY: Final = "imgvec_0000000000000000000000000002sKcu1"
"""The key in every event."""
VARIABLES: Final = {
    "IMGVEC_TABLE": "",
    "IMGVEC_BUCKET": "",
    "LOCAL_KEY_SHA256": digest(EVENT_KEY),
}
"""In the functions' environment under `sam local`, by `events/env.json`."""
SAM_LOCAL: Final = {**VARIABLES, "AWS_SAM_LOCAL": "true"}
PHOTO: Final = ROOT / "examples" / "small.jpg"
IMAGES: Final = "images.example"
"""Where the events with a URL say that the photo lies."""
BOUNDARY: Final = b"--------------------------0123456789abcdef"
WHEN: Final = 1_767_225_600.0
TEXT: Final = "a photo of a cat"


def _memories(caller: Caller, path: str, **content: Any) -> httpx2.Response:
    headers = {"Authorization": caller.key}
    return caller.client.post(f"{V2}{path}", headers=headers, **content)


REQUESTS: Final[dict[str, Callable[[Caller], httpx2.Response]]] = {
    "bedrock-titan": lambda c: c.bedrock("amazon.titan-embed-image-v1", inputImage=c.base64),
    "bedrock-cohere": lambda c: c.bedrock(
        "cohere.embed-english-v3", images=[c.uri], input_type="image", embedding_types=["float"]
    ),
    "weaviate-vectorize": lambda c: c.weaviate(512, texts=[TEXT], images=[c.base64]),
    "cohere-images": lambda c: c.cohere(1024, images=[c.uri]),
    "cohere-inputs": lambda c: c.cohere(
        512,
        inputs=[
            {
                "content": [
                    {"type": "text", "text": TEXT},
                    {"type": "image_url", "image_url": {"url": c.uri}},
                ]
            }
        ],
    ),
    "cohere-texts": lambda c: c.cohere(512, texts=[TEXT], embedding_types=["ubinary"]),
    "cohere-version-1": lambda c: c.cohere(1024, "/v1/embed", texts=[TEXT]),
    "coreviz-image": lambda c: c.coreviz(image=c.uri),
    "coreviz-image-url": lambda c: c.coreviz(image=c.url),
    "coreviz-input": lambda c: c.coreviz(input=c.uri, type="image"),
    "coreviz-text": lambda c: c.coreviz(text=TEXT),
    "coreviz-sdk": lambda c: c.coreviz("/api/ai/embed", image=c.uri),
    "pixlab-json": lambda c: c.img_embed(1024, img=c.base64),
    "pixlab-json-url": lambda c: c.img_embed(512, img=c.url),
    "pixlab-query": lambda c: c.query(512, img=c.url_safe),
    "pixlab-query-url": lambda c: c.query(1024, img=c.url),
    "pixlab-form": lambda c: c.form(1024, data={"img": c.base64}),
    "pixlab-multipart": lambda c: c.form(1024, files={"file": c.data}),
    "pixlab-llm": lambda c: c.llm(512, img=c.base64),
    "pixlab-store": lambda c: c.client.post("/store", files={"file": c.data}, data={"key": c.key}),
    "memories-image": lambda c: c.memories(512, files={"file": c.data}),
    "memories-image-url": lambda c: c.memories(1024, image_url=c.url),
    "memories-text": lambda c: _memories(
        c, "/embeddings/text", json={"input": [TEXT], "model": "gemini-embedding-001"}
    ),
    "memories-upload": lambda c: _memories(c, "/upload", files={"file": c.data}),
    "memories-signed-url": lambda c: _memories(
        c, "/upload/signed-url", json={"original_filename": "cat.jpg"}
    ),
    "openai-image": lambda c: c.openai(1024, {"image": c.uri}),
    "openai-list": lambda c: c.openai(512, TEXT, {"image": c.base64}),
    "voyage-multimodal": lambda c: c.voyage(
        {"type": "text", "text": TEXT}, {"type": "image_base64", "image_base64": c.uri}
    ),
    "function-url": lambda c: c.form(1024, files={"file": c.data}),
    "ready": lambda c: c.client.get("/ready"),
}
SECOND: Final = ("function-url",)
"""Events of format 2.0; all others are a REST API's."""


def make(name: str, images: str = IMAGES) -> Event:
    """One event; its URLs name the host `images`."""
    caught: list[httpx2.Request] = []

    def catch(request: httpx2.Request) -> httpx2.Response:
        caught.append(request)
        return httpx2.Response(200)

    host, stage = (DOMAIN, "") if name in SECOND else (HOST, f"/{STAGE}")
    headers = {"User-Agent": "imgvec", "Accept-Encoding": "gzip", "Host": host}
    with httpx2.Client(
        transport=httpx2.MockTransport(catch), base_url=f"https://{host}{stage}", headers=headers
    ) as client:
        place = Place("events", client, EVENT_KEY, "", "", {})
        caller = Caller(place, PictureServer(images, {}), "cat.jpg", PHOTO.read_bytes())
        REQUESTS[name](caller)
    request = _same_boundary(caught[0])
    if name in SECOND:
        return second_event_of(request, request_id=name)
    return event_of(request, request_id=name, when=WHEN)


def _same_boundary(request: httpx2.Request) -> httpx2.Request:
    """Clients choose a random one each time."""
    kind = request.headers.get("Content-Type", "")
    found = re.search("boundary=(.+)", kind)
    if found is None:
        return request
    content = request.read().replace(found[1].encode(), BOUNDARY)
    headers = {**request.headers, "Content-Type": kind.replace(found[1], BOUNDARY.decode())}
    headers.pop("content-type")
    headers.pop("content-length")
    return httpx2.Request(request.method, request.url, headers=headers, content=content)


def written(content: object) -> str:
    """An event, or the variables, as in a file."""
    return json.dumps(content, indent=2) + "\n"


def files() -> dict[str, str]:
    """The files of the folder by their names."""
    events = {f"{name}.json": written(make(name)) for name in REQUESTS}
    return {**events, "env.json": written({"Parameters": VARIABLES})}


def main() -> None:
    """Write every file."""
    for name, content in files().items():
        (FOLDER / name).write_text(content)


if __name__ == "__main__":
    main()

"""The table of docs/reference/image-forms.md: each client by each form of an image.

curl, Node and Python's clients run here. What PHP 8.2 (curl extension), Go 1.19 (net/http), Java 17
(HttpClient, its form written by hand), axios 1.21, httpx 0.28 and aiohttp 3.14 send was recorded on
a socket once, and is replayed: `samples/recorded/CLIENT-DIALECT-FORM.http`, with the key replaced
by as many K and the address of the picture by PICTURES.
"""

import base64
import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import numpy as np
import pytest
import requests
import urllib3

from tests.support.contract.checks import small_png
from tests.support.http.raw_http import connected, read_answer
from tests.support.server.places import ROOT, PictureServer, Place

on_a_socket = pytest.mark.parametrize("place", ["uvicorn"], indirect=True)

PNG = small_png()
TEXT = base64.b64encode(PNG).decode()
WRAPPED = base64.encodebytes(PNG).decode().replace("\n", "\r\n")
URI = f"data:image/png;base64,{TEXT}"
WRAPPED_URI = f"data:image/png;base64, {WRAPPED}"
URL = "URL"
"""In a form of an image: the picture's address, with a space inside and white space around it."""
RECORDED: Final = sorted((ROOT / "tests/contract/samples/recorded").glob("*.http"))
CURL_STATUS: Final = "\n%{http_code}"


@dataclass(frozen=True)
class Sent:
    """An image in one form, as a request of a dialect."""

    path: str
    kind: str
    """`json`, `form` (URL-encoded) or `file` (multipart)."""
    fields: dict[str, str]
    width: int | None
    """Of the vector; None where the answer is an error, which has `words`."""
    words: str = ""
    headers: dict[str, str] = field(default_factory=dict)


COREVIZ, MEMORIES = "/api/ai/embeddings", "/serve/api/v2/embeddings/image"
X_KEY, AUTHORIZATION = {"x-api-key": "KEY"}, {"Authorization": "KEY"}
NO_FILE = "Unsupported content type, send application/json"
NO_URI = "must be an http(s) URL or a data URI"
FORMS = {"base64": TEXT, "wrapped": WRAPPED, "URI": URI, "wrapped URI": WRAPPED_URI, "URL": URL}


def _cases() -> dict[str, Sent]:
    key, model = {"key": "KEY"}, {"model": "mobileclip"}
    cases = {
        "coreviz file": Sent(COREVIZ, "file", {}, None, NO_FILE, X_KEY),
        "pixlab file": Sent("/imgembed", "file", key, 1024),
        "llm file": Sent("/llmimgembed", "file", key, None, NO_FILE),
        "memories file": Sent(MEMORIES, "file", model, 512, "", AUTHORIZATION),
    }
    for name, image in FORMS.items():
        linked, url = "base64" != name != "wrapped", name == "URL"
        cases |= {
            f"coreviz {name}": Sent(
                COREVIZ, "json", {"image": image}, 768 if linked else None, NO_URI, X_KEY
            ),
            f"pixlab {name}": Sent("/imgembed", "json", {**key, "img": image}, 1024),
            f"pixlab form {name}": Sent("/imgembed", "form", {**key, "img": image}, 1024),
            f"llm {name}": Sent("/llmimgembed", "json", {**key, "img": image}, 512),
            f"memories {name}": Sent(
                MEMORIES,
                "json",
                {**model, "image_url": image},
                512 if url else None,
                "send an image itself as 'file' in a form",
                AUTHORIZATION,
            ),
        }
    return cases


CASES: Final = _cases()
Answer = tuple[int, Any]
Client = Callable[[str, Sent], Answer]


def curl(address: str, sent: Sent) -> Answer:
    command = ["curl", "-sS", "--noproxy", "*", "-w", CURL_STATUS, address + sent.path]
    for name, value in sent.headers.items():
        command += ["-H", f"{name}: {value}"]
    if sent.kind == "json":
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(sent.fields)]
    for name, value in sent.fields.items() if sent.kind != "json" else ():
        command += ["--data-urlencode" if sent.kind == "form" else "-F", f"{name}={value}"]
    if sent.kind == "file":
        command += ["-F", "file=@-"]
    done = subprocess.run(command, input=PNG, capture_output=True, timeout=60, check=True)
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), json.loads(body)


NODE: Final = """
import { readFileSync } from 'node:fs'
const { address, sent, png } = JSON.parse(readFileSync(0, 'utf8'))
const headers = { ...sent.headers }
let body
if (sent.kind === 'json') {
  headers['Content-Type'] = 'application/json'
  body = JSON.stringify(sent.fields)
} else {
  body = sent.kind === 'form' ? new URLSearchParams() : new FormData()
  for (const [name, value] of Object.entries(sent.fields)) body.append(name, value)
  if (sent.kind === 'file') body.append('file', new Blob([Buffer.from(png, 'base64')]), 'a.png')
}
const answer = await fetch(address + sent.path, { method: 'POST', headers, body })
console.log(JSON.stringify([answer.status, await answer.json()]))
"""


def node(address: str, sent: Sent) -> Answer:
    given = {"address": address, "sent": vars_of(sent), "png": TEXT}
    done = subprocess.run(
        ["node", "--input-type=module", "-e", NODE],
        input=json.dumps(given).encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    status, body = json.loads(done.stdout)
    return status, body


def vars_of(sent: Sent) -> dict[str, Any]:
    return {"path": sent.path, "kind": sent.kind, "fields": sent.fields, "headers": sent.headers}


def with_requests(address: str, sent: Sent) -> Answer:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            address + sent.path,
            headers=sent.headers,
            json=sent.fields if sent.kind == "json" else None,
            data=None if sent.kind == "json" else sent.fields,
            files={"file": ("a.png", PNG)} if sent.kind == "file" else None,
            timeout=60,
        )
        return answer.status_code, answer.json()


def with_httpx2(address: str, sent: Sent) -> Answer:
    with httpx2.Client(trust_env=False, timeout=60) as client:
        answer = client.post(
            address + sent.path,
            headers=sent.headers,
            json=sent.fields if sent.kind == "json" else None,
            data=None if sent.kind == "json" else sent.fields,
            files={"file": ("a.png", PNG)} if sent.kind == "file" else None,
        )
        return answer.status_code, answer.json()


def with_urllib3(address: str, sent: Sent) -> Answer:
    with urllib3.PoolManager() as pool:
        url = address + sent.path
        if sent.kind == "json":
            answer = pool.request("POST", url, headers=sent.headers, json=sent.fields)
        else:
            fields: dict[str, Any] = {**sent.fields}
            if sent.kind == "file":
                fields["file"] = ("a.png", PNG)
            multipart = sent.kind == "file"
            answer = pool.request_encode_body(
                "POST", url, fields, sent.headers, encode_multipart=multipart
            )
        return answer.status, answer.json()


CLIENTS: Final[dict[str, Client]] = {
    "curl": curl,
    "node": node,
    "requests": with_requests,
    "httpx2": with_httpx2,
    "urllib3": with_urllib3,
}


@pytest.fixture
def url(place: Place, pictures: PictureServer) -> str:
    """The picture's address, as people paste it."""
    return f" {pictures.url('client%20photo.png', PNG).replace('%20', ' ')}\n"


def completed(sent: Sent, key: str, url: str) -> Sent:
    """The request with the key and the address of the picture."""
    values = {"KEY": key, URL: url}
    fields = {name: values.get(value, value) for name, value in sent.fields.items()}
    headers = {name: values[value] for name, value in sent.headers.items()}
    return Sent(sent.path, sent.kind, fields, sent.width, sent.words, headers)


def vector_of(body: Any) -> list[float]:
    found: list[float] = body["data"]["embedding"] if "data" in body else body["embedding"]
    return found


def plain(place: Place, width: int) -> np.ndarray[Any, Any]:
    """The vector of the picture in a file; CoreViz's width by its own route."""
    if width == 768:
        headers = {"x-api-key": place.key}
        answer = place.client.post(COREVIZ, headers=headers, json={"image": URI})
    else:
        data = {"key": place.key, "dimension": str(width)}
        answer = place.client.post("/imgembed", data=data, files={"file": PNG})
    return np.array(vector_of(answer.json()))


@on_a_socket
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("client", CLIENTS)
def test_client(place: Place, url: str, client: str, name: str) -> None:
    if client in ("curl", "node") and shutil.which(client) is None:
        pytest.skip(f"{client} IS NOT INSTALLED: what it sends was NOT tried")
    sent = completed(CASES[name], place.key, url)
    status, body = CLIENTS[client](str(place.client.base_url).rstrip("/"), sent)
    if sent.width is None:
        assert status in (400, 415), body
        assert sent.words in json.dumps(body)
    else:
        assert status == 200, body
        assert np.array_equal(vector_of(body), plain(place, sent.width))


def replayed(raw: bytes, key: str, pictures: str) -> bytes:
    """A recorded request with this key and address, and the length that it has with them."""
    raw = re.sub(rb"K{20,}", key.encode(), raw).replace(b"PICTURES", pictures.encode())
    head, _, body = raw.partition(b"\r\n\r\n")
    return re.sub(rb"(?i)(content-length: )\d+", rb"\g<1>%d" % len(body), head) + b"\r\n\r\n" + body


@on_a_socket
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded(place: Place, pictures: PictureServer, path: Any) -> None:
    pictures.url("my%20photo.png", PNG)
    width = {"coreviz": 768, "pixlab": 1024, "memories": 512}[path.stem.split("-")[1]]
    with connected(str(place.client.base_url).rstrip("/")) as connection:
        connection.sendall(replayed(path.read_bytes(), place.key, pictures.address))
        with connection.makefile("rb") as stream:
            answer = read_answer(stream)
    assert answer is not None
    assert answer.status == 200, answer.body
    packed = answer.headers.get("content-encoding") == "gzip"
    body = json.loads(gzip.decompress(answer.body) if packed else answer.body)
    assert np.array_equal(vector_of(body), plain(place, width))


def test_every_recorded_client_is_there() -> None:
    clients = {path.stem.split("-")[0] for path in RECORDED}
    assert clients == {"php", "go", "java", "axios", "httpx", "aiohttp"}
    assert len(RECORDED) == 5 * len(clients)

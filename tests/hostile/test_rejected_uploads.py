"""Uploads that are rejected while they still come: each client sees the status."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
import requests

from imgvec.app import create_app
from imgvec.encoders.registry import Encoders
from imgvec.settings import load_settings
from tests.support.server.hosted import HeldEncoder, hosted
from tests.support.server.places import NOBODY, create_key, server_environment

SIZES = (1_000, 100_000, 1_900_000, 5_000_000, 20_000_000)
EMBED = "/api/ai/embed"
CASES = {
    "no such path": ("/api/ai/nothing", "text/plain", 404, SIZES),
    "no place in line": (EMBED, "application/json", 429, SIZES),
    "wrong type": ("/store", "text/plain", 415, SIZES),
    "wrong key": ("/serve/api/v2/upload", "multipart/form-data; boundary=x", 401, SIZES),
    "too large": ("/store", "multipart/form-data; boundary=x", 413, (20_000_001, 20_900_000)),
    "does not parse": ("/store?key={key}", "multipart/form-data", 400, SIZES),
}


def installed(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} IS NOT INSTALLED: what it sees of a rejected upload was NOT tested")
    return found


def curl(url: str, media_type: str, upload: Path, *options: str) -> int:
    command = [installed("curl"), "-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}"]
    sent = ["-H", f"Content-Type: {media_type}", "--data-binary", f"@{upload}", *options, url]
    done = subprocess.run([*command, *sent], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return int(done.stdout)


def curl_that_does_not_ask_first(url: str, media_type: str, upload: Path) -> int:
    return curl(url, media_type, upload, "-H", "Expect:")


def curl_in_chunks(url: str, media_type: str, upload: Path) -> int:
    return curl(url, media_type, upload, "-H", "Transfer-Encoding: chunked")


def with_requests(url: str, media_type: str, upload: Path) -> int:
    headers = {"Content-Type": media_type}
    return requests.post(url, data=upload.read_bytes(), headers=headers, timeout=60).status_code


def with_httpx2(url: str, media_type: str, upload: Path) -> int:
    headers = {"Content-Type": media_type}
    with httpx2.Client(trust_env=False, timeout=60, headers=headers) as client:
        return client.post(url, content=upload.read_bytes()).status_code


def node(url: str, media_type: str, upload: Path) -> int:
    script = (
        "const [url, type, path] = process.argv.slice(1);"
        "const body = require('fs').readFileSync(path);"
        "fetch(url, {method: 'POST', headers: {'Content-Type': type}, body})"
        ".then((answer) => console.log(answer.status))"
    )
    command = [installed("node"), "-e", script, url, media_type, str(upload)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


Client = Callable[[str, str, Path], int]
CLIENTS: tuple[Client, ...] = (
    curl,
    curl_that_does_not_ask_first,
    curl_in_chunks,
    with_requests,
    with_httpx2,
    node,
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and key of a server that has no place in line."""
    settings = {"IMGVEC_WORKERS": "1", "IMGVEC_QUEUE_SECONDS": "0.001"}
    environment = {**server_environment(tmp_path_factory.mktemp("full"), NOBODY), **settings}
    key, _ = create_key("first", environment)
    encoder = HeldEncoder()
    encoder.go.set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imgvec.app.load_encoders", lambda _: Encoders((encoder,)))
        app = create_app(load_settings(environment))

    def embed() -> int:
        headers = {"x-api-key": key}
        content = {"text": "a cat"}
        with httpx2.Client(trust_env=False, timeout=120, headers=headers) as client:
            return client.post(address + EMBED, json=content).status_code

    with hosted(app) as address, ThreadPoolExecutor(2) as pool:
        encoder.go.clear()
        placed = [pool.submit(embed)]
        while app.state.embedding.rejection() is None:
            time.sleep(0.1)
            placed.append(pool.submit(embed))
        yield address, key
        encoder.go.set()
        assert {job.result() for job in placed} <= {200, 429}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
@pytest.mark.parametrize("case", CASES)
def test_a_rejected_upload_is_seen_as_its_status(
    full: tuple[str, str], tmp_path: Path, client: Client, case: str
) -> None:
    path, media_type, status, sizes = CASES[case]
    address, key = full
    url = address + path.format(key=key)
    upload = tmp_path / "upload"
    for size in sizes:
        upload.write_bytes(bytes(size))
        assert client(url, media_type, upload) == status, size

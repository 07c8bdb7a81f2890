"""SageMaker's runtime as boto3 sees it, before the real serving process or before a script.

Its path, its headers and its 424 are AWS's; what the container answers passes through it.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import httpx2

from imgvec.encoders.sagemaker.client import HEADER
from tests.support.server.places import Running, start_serving, stop_server

NAME: Final = "imgvec-test"
ALLOWED: Final = {HEADER, "Content-Type"}


class Call(BaseHTTPRequestHandler):
    """One InvokeEndpoint."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # Who has waited long enough is gone.
        with suppress(ConnectionError):
            self.wfile.write(body)

    def refuse(self, status: int, code: str, **fields: object) -> None:
        """Send an error as AWS does."""
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
        self.answer(status, json.dumps(fields).encode(), headers)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


Script = Callable[[Call, bytes], None]
"""What is done with one call and its body instead of passing it on."""


@dataclass
class Runtime:
    """A running runtime."""

    address: str
    container: Running | None
    script: deque[Script] = field(default_factory=deque)
    """What becomes of the next calls; then they are passed on."""
    calls: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead a service to it."""
        return {
            "IMGVEC_ENDPOINT": NAME,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def runtime(container: Running | None = None) -> Iterator[Runtime]:
    """A runtime before this container."""
    client = httpx2.Client(timeout=60, trust_env=False)

    class Handler(Call):
        def do_POST(self) -> None:
            found.calls += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == f"/endpoints/{NAME}/invocations"
            if found.script:
                found.script.popleft()(self, body)
            else:
                self._pass_on(body)

        def _pass_on(self, body: bytes) -> None:
            assert found.container is not None, "nothing is scripted, and there is no container"
            headers = {name: self.headers[name] for name in ALLOWED if name in self.headers}
            url = f"{found.container.address}/invocations"
            told = client.post(url, content=body, headers=headers)
            if told.status_code == 200:
                self.answer(200, told.content, {n: told.headers[n] for n in ALLOWED})
            else:
                self.refuse(
                    424,
                    "ModelError",
                    Message="Received an error from the container",
                    OriginalMessage=told.text,
                    OriginalStatusCode=told.status_code,
                )

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Runtime(f"http://127.0.0.1:{server.server_port}", container)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()
    client.close()


@contextmanager
def endpoint(
    environment: dict[str, str], start: Callable[[dict[str, str]], Running] = start_serving
) -> Iterator[Runtime]:
    """The serving process or container under these settings, and a runtime before it."""
    container = start(environment)
    try:
        with runtime(container) as found:
            yield found
    finally:
        stop_server(container)

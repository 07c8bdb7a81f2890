"""A listener before an emulated DynamoDB that refuses some requests and passes the others on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2

from tests.support.aws.rejecting_listener import DYNAMODB

STEPS = {
    "look-up": ("GetItem", ""),
    "reserve": ("UpdateItem", "SET #holds.#hold = :expires"),
    "settle": ("UpdateItem", "REMOVE #holds.#hold SET #done"),
}
"""What each step of a request asks: an operation, and a part of what it says."""


@dataclass
class Faulty:
    """Where to ask, and what is refused now."""

    address: str
    step: str | None = None
    code: str = ""

    def refuses(self, operation: str, body: str) -> bool:
        """Whether this request is of the step that is refused."""
        if self.step is None:
            return False
        asked, part = STEPS[self.step]
        return operation.endswith(f".{asked}") and part in body


@contextmanager
def faulty(behind: str) -> Iterator[Faulty]:
    """Stand before the emulator at this address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if state.refuses(self.headers["X-Amz-Target"], body.decode()):
                status, content = 400, DYNAMODB.format(code=state.code).encode()
            else:
                answer = client.post(behind, content=body, headers=dict(self.headers))
                status, content = answer.status_code, answer.content
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Faulty(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with httpx2.Client(trust_env=False) as client:
        yield state
        server.shutdown()
        server.server_close()
        thread.join()

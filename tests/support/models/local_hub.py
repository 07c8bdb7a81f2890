"""A hub on loopback that speaks the paths, redirects, ranges and ETags of the real one."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from imgvec_models.hub.recipe import RemoteFile, Role

REPOSITORY = "someone/small-clip"
REVISION = "0123456789abcdef0123456789abcdef01234567"
PATHS: dict[Role, str] = {
    "image": "onnx/vision.onnx",
    "text": "onnx/text.onnx",
    "tokenizer": "tokenizer.json",
}


@dataclass
class Fault:
    """What goes wrong with one file."""

    status: int | None = None
    """Answered by the hub instead of the redirect."""
    cut: int | None = None
    """The connection breaks after so many bytes of a body, once."""
    hold: int | None = None
    """The body stops after so many bytes until `LocalHub.go_on` is set."""
    weak: bool = False
    """The ETag promises no equal bytes."""
    announce: bool = True
    """Whether the length of a body is announced."""
    ranges: bool = True
    """Whether ranges are heard."""


@dataclass
class LocalHub:
    """Files by `repository/resolve/revision/path`, faults by the same, and what was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and `Range` of each request that reached the CDN."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set once a body stands still."""
    go_on: threading.Event = field(default_factory=threading.Event)

    def etag(self, path: str) -> str:
        """As object stores have it: quoted, and of the content."""
        mark = hashlib.md5(self.files[path]).hexdigest()
        weak = "W/" if path in self.faults and self.faults[path].weak else ""
        return f'{weak}"{mark}"'


@contextmanager
def serving() -> Iterator[LocalHub]:
    """A hub that answers until the end of the block."""
    hub = LocalHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].lstrip("/")
            if path.startswith("cdn/"):
                _deliver(self, hub, path.removeprefix("cdn/"))
                return
            fault = hub.faults.get(path, Fault())
            if fault.status or path not in hub.files:
                _answer(self, fault.status or 404)
            else:
                _answer(self, 302, {"Location": f"/cdn/{path}?Signature=x"})

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str] | None = None
) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    if status in (302, 401, 403, 404, 416, 503):
        handler.send_header("Content-Length", "0")
    handler.end_headers()


def _deliver(handler: BaseHTTPRequestHandler, hub: LocalHub, path: str) -> None:
    asked = handler.headers.get("Range")
    hub.asked.append((path, asked))
    data, fault = hub.files[path], hub.faults.get(path, Fault())
    headers = {"ETag": hub.etag(path)}
    status, start = 200, 0
    if asked and fault.ranges and handler.headers.get("If-Range") == headers["ETag"]:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            _answer(handler, 416, {"Content-Range": f"bytes */{len(data)}"})
            return
        status = 206
        headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
    body = data[start:]
    if fault.announce:
        headers["Content-Length"] = str(len(body))
    else:
        headers["Connection"] = "close"
    _answer(handler, status, headers)
    if fault.cut is not None:
        body, fault.cut = body[: fault.cut], None
        handler.close_connection = True
    if fault.hold is not None:
        handler.wfile.write(body[: fault.hold])
        handler.wfile.flush()
        body = body[fault.hold :]
        hub.held.set()
        hub.go_on.wait(60)
    try:
        handler.wfile.write(body)
    except OSError:
        # A client that was killed.
        handler.close_connection = True


def hub_path(role: Role) -> str:
    """Where the hub has a file of the tests' repository."""
    return f"{REPOSITORY}/resolve/{REVISION}/{PATHS[role]}"


def remote(role: Role, data: bytes) -> RemoteFile:
    """A pinned entry for `data`."""
    return RemoteFile(
        repository=REPOSITORY,
        revision=REVISION,
        path=PATHS[role],
        licence="MIT",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )

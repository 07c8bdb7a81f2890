"""A hub on loopback that speaks the paths, headers, redirects and ranges of the real one."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from imgvec_models.hub.recipe import RemoteFile, Role

LISTING = "api/models/"
REPOSITORY = "someone/small-clip"
REVISION = "0123456789abcdef0123456789abcdef01234567"
PATHS: dict[Role, str] = {
    "image": "onnx/vision.onnx",
    "text": "onnx/text.onnx",
    "tokenizer": "tokenizer.json",
}


@dataclass
class Fault:
    """A fault of one file."""

    status: int | None = None
    """Answered by the hub instead of the redirect."""
    cut: int | None = None
    """The connection breaks after so many bytes of a body, once."""
    hold: int | None = None
    """The body stops after so many bytes until `LocalHub.go_on` is set."""
    size: int | None = None
    """Announced in the place of the true size."""
    ranges: bool = True
    """Whether ranges are heard."""


@dataclass
class LocalHub:
    """Files by `repository/resolve/revision/path`, faults by the same, and what was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)
    """The newest commit of each repository, which has a listing then."""
    licences: dict[str, str] = field(default_factory=dict)
    """The licence that the card of a repository states."""
    listed: list[str] = field(default_factory=list)
    """Repositories whose listing was asked for."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and `Range` of each request that reached the CDN."""
    told: set[str] = field(default_factory=set)
    """Names of all headers, in lower case, and the names that clients give themselves."""
    held: threading.Event = field(default_factory=threading.Event)
    """Set once a body stands still."""
    go_on: threading.Event = field(default_factory=threading.Event)

    def etag(self, path: str) -> str:
        """The digest of the content, as the real hub has it for large files."""
        return f'"{hashlib.sha256(self.files[path]).hexdigest()}"'


@contextmanager
def serving() -> Iterator[LocalHub]:
    """A hub that answers until the end of the block; its CDN is another host."""
    hub = LocalHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            hub.told |= {*map(str.lower, self.headers), self.headers.get("User-Agent", "")}
            path = self.path.partition("?")[0].lstrip("/")
            fault = hub.faults.get(path, Fault())
            if fault.status or path not in hub.files:
                _answer(self, fault.status or 404, {"Content-Length": "0"})
                return
            size = len(hub.files[path]) if fault.size is None else fault.size
            headers = {
                "X-Repo-Commit": path.split("/")[3],
                "X-Linked-ETag": hub.etag(path),
                "X-Linked-Size": str(size),
                "Location": f"http://localhost:{server.server_port}/cdn/{path}?Signature=x",
                "Content-Length": "0",
            }
            _answer(self, 302, headers)

        def do_GET(self) -> None:
            hub.told |= {*map(str.lower, self.headers), self.headers.get("User-Agent", "")}
            path = self.path.partition("?")[0].lstrip("/")
            if path.startswith(LISTING):
                _list(self, hub, path.removeprefix(LISTING))
            else:
                _deliver(self, hub, path.removeprefix("cdn/"))

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


def _answer(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def _list(handler: BaseHTTPRequestHandler, hub: LocalHub, path: str) -> None:
    """Answer with the files of a repository, at its newest commit or at the one that is named."""
    repository, _, revision = path.partition("/revision/")
    hub.listed.append(repository)
    if repository not in hub.newest:
        _answer(handler, 404, {"Content-Length": "0"})
        return
    commit = revision or hub.newest[repository]
    place = f"{repository}/resolve/{commit}/"
    licence = hub.licences.get(repository)
    content = {
        "id": repository,
        "sha": commit,
        "siblings": [
            {"rfilename": name.removeprefix(place)} for name in hub.files if name.startswith(place)
        ],
        "cardData": None if licence is None else {"license": licence},
    }
    body = json.dumps(content).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    _answer(handler, 200, headers)
    handler.wfile.write(body)


def _deliver(handler: BaseHTTPRequestHandler, hub: LocalHub, path: str) -> None:
    asked = handler.headers.get("Range")
    hub.asked.append((path, asked))
    data, fault = hub.files[path], hub.faults.get(path, Fault())
    headers = {"ETag": hub.etag(path)}
    status, start = 200, 0
    if asked and fault.ranges:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        status = 206
        headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
    body = data[start:]
    _answer(handler, status, {**headers, "Content-Length": str(len(body))})
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


def resolve_path(file: RemoteFile) -> str:
    """Where the hub has a file."""
    return f"{file.repository}/resolve/{file.revision}/{file.path}"


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

"""Fixtures that the tiers share."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from starlette.testclient import TestClient

from emulator import Emulator, NoEmulator
from emulator import start as start_emulator
from places import (
    CAT,
    PictureServer,
    Place,
    create_key,
    imgvec,
    server_environment,
    start_server,
    stop_server,
)


@pytest.fixture(scope="session")
def cat() -> bytes:
    """The sample photo."""
    return CAT.read_bytes()


@pytest.fixture(scope="session")
def pictures() -> Iterator[PictureServer]:
    """Serves the sample photo as `cat.jpg`, and whatever a test adds."""
    files = {"cat.jpg": CAT.read_bytes()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = files.get(self.path.partition("?")[0].lstrip("/"))
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            # A fetcher hangs up as soon as a file is too large.
            with suppress(ConnectionError):
                self.wfile.write(data or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield PictureServer(f"127.0.0.1:{server.server_port}", files)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[Emulator]:
    """DynamoDB's emulator, and an environment that leads to it; skips loudly where it is not."""
    with ExitStack() as stack:
        try:
            emulator = stack.enter_context(start_emulator())
        except NoEmulator as missing:
            pytest.skip(f"NOT TESTED ON DYNAMODB: {missing}")
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in emulator.environment.items():
            patch.setenv(name, value)
        yield emulator


@pytest.fixture(scope="session", params=["in-process", "uvicorn"])
def place(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pictures: PictureServer,
) -> Iterator[Place]:
    """The API in process, and behind the server that `imgvec serve` starts."""
    environment = server_environment(tmp_path_factory.mktemp("data"), pictures)
    key, _ = create_key("first", environment)
    other_key, _ = create_key("second", environment)
    revoked_key, revoked_id = create_key("first", environment)
    imgvec("keys", "revoke", revoked_id, environment=environment)
    if request.param == "in-process":
        from imgvec.app import create_app
        from imgvec.settings import load_settings

        with TestClient(create_app(load_settings(environment))) as client:
            yield Place("in-process", client, key, other_key, revoked_key, environment)
        return
    running = start_server(environment)
    try:
        with httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client:
            yield Place("uvicorn", client, key, other_key, revoked_key, environment)
    finally:
        stop_server(running)

"""Fixtures that the tiers share.

`TEST_PLACES` names the places that the contract is tested in; `make test-runtime` and its like set
it.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.aws.dynamodb import Emulator, NoEmulator
from tests.support.aws.dynamodb import start as start_emulator
from tests.support.aws.ministack import MINISTACK, emulated
from tests.support.server.places import (
    BEHIND_A_GATEWAY,
    CAT,
    PictureServer,
    Place,
    create_key,
    imgvec,
    server_environment,
)
from tests.support.server.start_places import DEFAULT_PLACES, PLACES

# `nohup make test` would hand its ignored SIGHUP on to each server that the tests start, and
# `imgvec serve` rightly leaves an ignored one alone; its tests need what a terminal gives.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


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

    # Containers and AWS reach it elsewhere than on loopback, where `make test-cloud` and
    # `make test-aws` say; empty where they cannot.
    address = os.environ.get("TEST_PICTURES", "127.0.0.1:0")
    if not address:
        yield PictureServer("", files)
        return
    host, _, port = address.partition(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield PictureServer(f"{host}:{server.server_port}", files)
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


@pytest.fixture(scope="session", params=os.environ.get("TEST_PLACES", DEFAULT_PLACES).split())
def place(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pictures: PictureServer,
) -> Iterator[Place]:
    """The API wherever it answers, with keys of two consumers and a revoked one."""
    environment = server_environment(tmp_path_factory.mktemp("data"), pictures)
    if request.param in BEHIND_A_GATEWAY:
        environment["IMGVEC_TABLE"] = os.environ["TEST_TABLE"]
    log = tmp_path_factory.mktemp("log") / "log.txt"
    key, _ = create_key("first", environment)
    other_key, _ = create_key("second", environment)
    revoked_key, revoked_id = create_key("first", environment)
    imgvec("keys", "revoke", revoked_id, environment=environment)
    with PLACES[request.param](environment, log) as client:
        yield Place(request.param, client, key, other_key, revoked_key, environment)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables that lead clients of this process to an emulator of AWS."""
    if not MINISTACK.exists():
        pytest.skip("`make emulator` installs one")
    with (
        emulated(tmp_path_factory.mktemp("emulator") / "log.txt") as variables,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables

"""The configuration of docs/how-to/running.md, in nginx, before `imgvec serve --root-path`."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.support.contract.checks import assert_pixlab_error
from tests.support.http.certificate_authority import Authority, make_authority
from tests.support.http.connection import Wire
from tests.support.server.places import CAT, NOBODY, ROOT, create_key, server_environment, serving

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
PREFIX = "/imgvec"
MAIN = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{server}
}}
"""


@dataclass(frozen=True)
class Site:
    """A server behind nginx, and a key of its."""

    port: int
    authority: Authority
    client: httpx2.Client
    key: str

    def connection(self) -> socket.socket:
        """A connection on which a test sends what it likes."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return self.authority.trust.wrap_socket(plain, server_hostname="127.0.0.1")


def documented(folder: Path, port: int, address: str) -> str:
    """The configuration of the page, with places and times of the tests."""
    page = (ROOT / "docs" / "how-to" / "running.md").read_text()
    server = page.partition("```nginx\n")[2].partition("```")[0]
    for written, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/images.example.pem": str(folder / "server.pem"),
        "/etc/ssl/images.example.key": str(folder / "server.key"),
        "/var/log/nginx/imgvec.log": str(folder / "imgvec.log"),
        "http://127.0.0.1:8000/": f"{address}/",
        "client_header_timeout 10s": "client_header_timeout 1s",
    }.items():
        assert server.count(written) == 1, written
        server = server.replace(written, here)
    return MAIN.format(folder=folder, server=server)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """nginx with the server; where nginx is missing, CI fails."""
    if NGINX is None:
        missing = "NOT TRIED: docs/how-to/running.md without nginx (apt install nginx-light)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("nginx")
    environment = server_environment(folder / "data", NOBODY)
    key, _ = create_key("first", environment)
    authority = make_authority(folder, "IP:127.0.0.1")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with serving(environment, "--root-path", PREFIX) as running:
        (folder / "nginx.conf").write_text(documented(folder, port, running.address))
        nginx = subprocess.Popen(
            [NGINX, "-p", str(folder), "-c", "nginx.conf"], stderr=subprocess.DEVNULL
        )
        base = f"https://127.0.0.1:{port}{PREFIX}"
        try:
            with httpx2.Client(
                base_url=base, verify=authority.trust, timeout=60, trust_env=False
            ) as client:
                wait_until_it_listens(port, folder)
                yield Site(port, authority, client, key)
        finally:
            nginx.terminate()
            nginx.wait(timeout=30)


def wait_until_it_listens(port: int, folder: Path) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError((folder / "error.log").read_text())


def test_pages_work_below_the_prefix(site: Site) -> None:
    assert 'src="playground/main.js"' in site.client.get("/").text, "relative: below the prefix"
    assert site.client.get("/playground/main.js").status_code == 200
    assert site.client.get("/docs").status_code == 200
    assert site.client.get("/docs/docs.js").status_code == 200
    assert site.client.get("/openapi.json").json()["servers"] == [{"url": PREFIX}]
    assert site.client.get("/ready").json() == {"status": "ready"}


def test_an_image_is_embedded_and_compressed_on_its_way(site: Site) -> None:
    files = {"file": CAT.read_bytes()}
    answer = site.client.post("/imgembed", data={"key": site.key}, files=files)
    assert answer.status_code == 200
    assert len(answer.json()["embedding"]) == 1024
    assert answer.headers["Content-Encoding"] == "gzip"


def test_links_have_the_scheme_and_the_prefix(site: Site) -> None:
    stored = site.client.post("/store", data={"key": site.key}, files={"file": CAT.read_bytes()})
    link = stored.raise_for_status().json()["link"]
    assert link.startswith(str(site.client.base_url))
    answer = site.client.post("/imgembed", data={"key": site.key, "img": link})
    assert answer.status_code == 200


@pytest.mark.parametrize("size", [1_000, 2_000_000, 20_000_000, 24_000_000])
def test_a_rejected_upload_is_seen_as_its_status(site: Site, size: int) -> None:
    files = {"file": bytes(size)}
    rejected = site.client.post("/store", data={"key": "x"}, files=files)
    assert_pixlab_error(rejected, 413 if size >= 20_000_000 else 401)


@pytest.mark.parametrize("line", ["X: " + "y" * 300_000, "X: y\r\n" * 40_000])
def test_a_head_over_the_limit_is_a_400(site: Site, line: str) -> None:
    """And what follows on another connection is answered."""
    name, _, value = line.partition(": ")
    with site.connection() as connection:
        connection.sendall(f"GET {PREFIX}/health HTTP/1.1\r\nHost: t\r\n{name}: {value}".encode())
        assert connection.recv(12) == b"HTTP/1.1 400"
    assert site.client.get("/health").status_code == 200


@pytest.mark.parametrize("begun", [b"", b"POST /imgvec/imgembed HTTP/1.1\r\nHost: a\r\n"])
def test_a_head_that_does_not_come_ends_the_connection(site: Site, begun: bytes) -> None:
    with site.connection() as connection:
        connection.sendall(begun)
        assert Wire(connection).ended()


def test_a_head_that_drips_ends_the_connection(site: Site) -> None:
    with site.connection() as connection, pytest.raises(OSError, match=r"."):
        for byte in f"GET {PREFIX}/health HTTP/1.1\r\n".encode() + b"X: y\r\n" * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(0.01)


def test_neither_log_has_a_key(site: Site, tmp_path: Path) -> None:
    """Of a request that nginx itself rejects."""
    rejected = site.client.post(f"/store?key={site.key}", content=bytes(26_000_000))
    assert rejected.status_code == 413
    logs = Path(site.authority.folder).glob("*.log")
    assert not any(site.key in log.read_text() for log in logs)

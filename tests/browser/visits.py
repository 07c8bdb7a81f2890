"""Visits to a page of the server, with all that it asks for on record."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
PREFIX = "/below/here"
PASSED_ON = ("Content-Type", "Content-Security-Policy", "X-Embedding-Revision")


@dataclass
class Visit:
    """A page, and what it asked for and complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def note(self, kind: str, text: str) -> None:
        """Keep errors and warnings; the browser's advice on forms is of a page's own library."""
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def assert_alone(self, address: str) -> None:
        """It asked nobody but the server, and nothing was forbidden to it."""
        urls = [urlsplit(url) for url in self.asked]
        hosts = {url.netloc for url in urls if url.scheme not in ("data", "blob")}
        assert hosts == {urlsplit(address).netloc}
        assert self.complaints == []


def needs(found: object, untried: str) -> None:
    """Skip loudly where something is missing, and fail in CI."""
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"NOT TRIED: {untried}")


@contextmanager
def behind_a_prefix(address: str) -> Iterator[str]:
    """A proxy that puts the server below `PREFIX` and does not tell it so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            path = self.path.removeprefix(PREFIX) if self.path.startswith(PREFIX) else "/none"
            headers = {n: v for n, v in self.headers.items() if n.lower() != "accept-encoding"}
            answer = httpx2.request(
                self.command, address + path, content=body, headers=headers, trust_env=False
            )
            self.send_response(answer.status_code)
            for name in PASSED_ON:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{proxy.server_port}{PREFIX}"
    proxy.shutdown()
    proxy.server_close()
    thread.join()


V = TypeVar("V", bound=Visit)


@contextmanager
def visiting(browser: Browser, url: str, kind: type[V]) -> Iterator[V]:
    """Open a page with all that it asks for on record."""
    page = browser.new_page()
    visit = kind(page)
    page.on("request", lambda request: visit.asked.append(request.url))
    page.on("console", lambda said: visit.note(said.type, said.text))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.goto(url)
    yield visit
    page.close()

"""The page at `/docs`, in a real Chromium that reaches nothing but the server."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.server.places import CAT, NOBODY, create_key, server_environment, serving

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
LISTS = ("OpenAI", "Cohere", "BedrockToken", "WeaviateHeader")
SCHEMES = ("CoreViz", "PixLab", "memories.ai", *LISTS)
OTHER_LISTS = ("OpenAIHeader", "CohereHeader", "Bedrock", "WeaviateBearer")
OTHER_PLACES = ("CoreVizBearer", "PixLabHeader", "memories.ai", *OTHER_LISTS)
PREFIX = "/below/here"


@dataclass
class Visit:
    """The page, and what it asked for and complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def note(self, kind: str, text: str) -> None:
        """Keep errors and warnings; the browser's advice on forms is of the page's own library."""
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def authorize(self, key: str, schemes: tuple[str, ...]) -> None:
        """Give the key in these places."""
        self.page.click("button.authorize")
        for scheme in schemes:
            form = self.page.locator(".auth-container form", has_text=f"{scheme} (")
            form.locator("input").fill(key)
            form.locator("button.authorize").click()
        self.page.click(".close-modal")

    def execute(self, operation: str, **files: str) -> str:
        """Press Execute on an operation as the page shows it; gives the status."""
        block = self.page.locator(f".opblock[id$='-{operation}']")
        block.locator(".opblock-summary-control").click()
        for name, path in files.items():
            block.locator(f"tr[data-property-name='{name}'] input[type=file]").set_input_files(path)
        block.locator("button.execute").click()
        status = block.locator(".live-responses-table .response-col_status")
        return status.last.inner_text().split()[0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium that finds no name and goes through no proxy; where it is not, CI fails."""
    if not CHROMIUM:
        missing = "NOT TRIED: the page at /docs, as Chromium is missing (apt install chromium)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    arguments = [
        "--no-sandbox",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--no-proxy-server",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Address and key of a server."""
    environment = server_environment(tmp_path_factory.mktemp("docs"), NOBODY)
    key, _ = create_key("reader", environment)
    with serving(environment) as running:
        yield running.address, key


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
            for name in ("Content-Type", "Content-Security-Policy"):
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


@contextmanager
def visiting(browser: Browser, address: str) -> Iterator[Visit]:
    """Open the page with all that it asks for on record."""
    page = browser.new_page()
    visit = Visit(page)
    page.on("request", lambda request: visit.asked.append(request.url))
    page.on("console", lambda said: visit.note(said.type, said.text))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.goto(f"{address}/docs")
    page.wait_for_selector(".opblock")
    yield visit
    page.close()


def assert_alone(visit: Visit, address: str) -> None:
    """It asked nobody but the server, and nothing was forbidden to it."""
    hosts = {urlsplit(url).netloc for url in visit.asked if urlsplit(url).scheme != "data"}
    assert hosts == {urlsplit(address).netloc}
    assert visit.complaints == []


@pytest.mark.parametrize("schemes", [SCHEMES, OTHER_PLACES], ids=["usual", "other places of keys"])
def test_each_dialect_answers_what_the_page_shows(
    browser: Browser, served: tuple[str, str], schemes: tuple[str, ...]
) -> None:
    address, key = served
    with visiting(browser, address) as visit:
        visit.authorize(key, schemes)
        assert visit.execute("coreviz_create_embedding") == "200"
        assert visit.execute("pixlab_embed_image") == "200"
        assert visit.execute("pixlab_embed_image_by_query") == "200"
        assert visit.execute("pixlab_llm_embed_image") == "200"
        assert visit.execute("memories_embed_image", file=str(CAT)) == "200"
        assert visit.execute("memories_embed_text") == "200"
        assert visit.execute("openai_embed") == "200"
        assert visit.execute("openai_list_models") == "200"
        assert visit.execute("voyage_embed_multimodal") == "200"
        assert visit.execute("cohere_embed") == "200"
        assert visit.execute("bedrock_invoke_titan_image") == "200"
        assert visit.execute("weaviate_vectorize") == "200"
        assert visit.execute("get_ready") == "200"
        assert_alone(visit, address)


def test_without_a_key_nobody_is_answered(browser: Browser, served: tuple[str, str]) -> None:
    address, _ = served
    with visiting(browser, address) as visit:
        assert visit.execute("coreviz_create_embedding") == "401"
        assert visit.execute("memories_embed_text") == "401"


def test_it_works_below_a_prefix_that_the_server_does_not_know(
    browser: Browser, served: tuple[str, str]
) -> None:
    with behind_a_prefix(served[0]) as address, visiting(browser, address) as visit:
        visit.authorize(served[1], SCHEMES)
        assert visit.execute("coreviz_create_embedding") == "200"
        assert visit.execute("pixlab_embed_image") == "200"
        assert_alone(visit, address)


def test_the_browser_would_have_told_of_a_request_to_elsewhere(
    browser: Browser, served: tuple[str, str]
) -> None:
    with visiting(browser, served[0]) as visit:
        script = "fetch('http://elsewhere.example/').then(() => 'reached', () => 'blocked')"
        assert visit.page.evaluate(script) == "blocked"
        assert any("Content Security Policy" in said for said in visit.complaints)

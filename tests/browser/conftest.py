"""A real Chromium that reaches nothing but the server."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.playground import Playground
from tests.browser.visits import CHROMIUM, needs, visiting
from tests.support.server.places import PictureServer, create_key, server_environment, serving


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium that finds no name and goes through no proxy; where it is not, CI fails."""
    needs(CHROMIUM, "the pages: Chromium is missing (apt install chromium)")
    arguments = [
        "--no-sandbox",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--no-proxy-server",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def environment(
    tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer
) -> dict[str, str]:
    """Variables that the server and the command line run with."""
    return server_environment(tmp_path_factory.mktemp("pages"), pictures)


@pytest.fixture(scope="session")
def served(environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Address and key of a server."""
    key, _ = create_key("reader", environment)
    with serving(environment) as running:
        yield running.address, key


@pytest.fixture
def playground(browser: Browser, served: tuple[str, str]) -> Iterator[Playground]:
    """The page, opened by the link that `make run` prints."""
    address, key = served
    with visiting(browser, f"{address}/#key={key}", Playground) as visit:
        yield visit
        visit.assert_alone(address)

"""The page at `/docs`, in a real Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser

from tests.browser.visits import Visit, behind_a_prefix, visiting
from tests.support.server.places import CAT

LISTS = ("OpenAI", "Cohere", "BedrockToken", "WeaviateHeader")
SCHEMES = ("CoreViz", "PixLab", "memories.ai", *LISTS)
OTHER_LISTS = ("OpenAIHeader", "CohereHeader", "Bedrock", "WeaviateBearer")
OTHER_PLACES = ("CoreVizBearer", "PixLabHeader", "memories.ai", *OTHER_LISTS)


class Reference(Visit):
    """The page with a form for each request."""

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


@contextmanager
def reading(browser: Browser, address: str) -> Iterator[Reference]:
    """Open the page and wait for its forms."""
    with visiting(browser, f"{address}/docs", Reference) as visit:
        visit.page.wait_for_selector(".opblock")
        yield visit


@pytest.mark.parametrize("schemes", [SCHEMES, OTHER_PLACES], ids=["usual", "other places of keys"])
def test_each_dialect_answers_what_the_page_shows(
    browser: Browser, served: tuple[str, str], schemes: tuple[str, ...]
) -> None:
    address, key = served
    with reading(browser, address) as visit:
        visit.authorize(key, schemes)
        assert visit.execute("coreviz_create_embedding") == "200"
        assert visit.execute("pixlab_embed_image") == "200"
        assert visit.execute("pixlab_embed_image_by_query") == "200"
        assert visit.execute("pixlab_llm_embed_image") == "200"
        assert visit.execute("memories_embed_image", file=str(CAT)) == "200"
        assert visit.execute("memories_embed_text") == "200"
        assert visit.execute("openai_create_embeddings") == "200"
        assert visit.execute("openai_list_models") == "200"
        assert visit.execute("voyage_create_multimodal_embeddings") == "200"
        assert visit.execute("cohere_embed") == "200"
        assert visit.execute("bedrock_invoke_titan_image") == "200"
        assert visit.execute("weaviate_vectorize") == "200"
        assert visit.execute("get_ready") == "200"
        visit.assert_alone(address)


def test_without_a_key_nobody_is_answered(browser: Browser, served: tuple[str, str]) -> None:
    address, _ = served
    with reading(browser, address) as visit:
        assert visit.execute("coreviz_create_embedding") == "401"
        assert visit.execute("memories_embed_text") == "401"


def test_it_works_below_a_prefix_that_the_server_does_not_know(
    browser: Browser, served: tuple[str, str]
) -> None:
    with behind_a_prefix(served[0]) as address, reading(browser, address) as visit:
        visit.authorize(served[1], SCHEMES)
        assert visit.execute("coreviz_create_embedding") == "200"
        assert visit.execute("pixlab_embed_image") == "200"
        visit.assert_alone(address)


def test_the_browser_would_have_told_of_a_request_to_elsewhere(
    browser: Browser, served: tuple[str, str]
) -> None:
    with reading(browser, served[0]) as visit:
        script = "fetch('http://elsewhere.example/').then(() => 'reached', () => 'blocked')"
        assert visit.page.evaluate(script) == "blocked"
        assert any("Content Security Policy" in said for said in visit.complaints)

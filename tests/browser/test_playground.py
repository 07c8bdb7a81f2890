"""The playground, in a real Chromium that reaches nothing but the server."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.playground import PHOTOS, Playground, embed, image
from tests.browser.visits import behind_a_prefix, needs, visiting
from tests.support.models.linear_encoder import linear_encoder
from tests.support.server.places import CAT, ROOT, PictureServer, create_key, serving

AXE = ROOT / ".cache" / "clients-js" / "node_modules" / "axe-core" / "axe.min.js"
LISTS = ["jina", "openai", "voyage", "cohere", "bedrock", "weaviate"]
VALUES = "all => all.map((one) => one.value)"
DIALECTS = [*LISTS, "coreviz", "pixlab", "pixlab-llm", "memories"]
RUN = {
    "curl": ("bash", "-e"),
    "python": (sys.executable, "-"),
    "javascript": ("node", "--input-type=module", "-"),
}
COPY = """async () => {
  const canvas = new OffscreenCanvas(300, 200);
  canvas.getContext("2d").fillRect(50, 50, 100, 100);
  const png = await canvas.convertToBlob({ type: "image/png" });
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
}"""
SERIOUS = """async () => (await axe.run()).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join("; ")}`)"""


def vector_in(content: Any) -> list[float]:
    """The longest list of numbers."""
    if isinstance(content, dict):
        content = list(content.values())
    if not isinstance(content, list):
        return []
    if content and all(isinstance(one, float) for one in content):
        return content
    return max(map(vector_in, content), key=len, default=[])


def test_key_leaves_the_address_bar_and_is_stored_nowhere(
    playground: Playground, served: tuple[str, str]
) -> None:
    address, key = served
    playground.embed_ours()
    assert playground.page.url == f"{address}/"
    assert playground.page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert playground.page.context.cookies() == []
    assert not [url for url in playground.asked if key in url.partition("#")[0]]


def test_vector_is_shown_as_the_server_gives_it(
    playground: Playground, served: tuple[str, str]
) -> None:
    playground.embed_ours()
    (vector,) = embed(served, image(CAT))
    first = ", ".join(repr(value) for value in vector[:8])
    assert playground.page.inner_text("#first") == f"[{first}, …]"
    assert playground.page.inner_text("#fact-dimensions") == "512"
    assert playground.page.inner_text("#fact-norm") == "1.00000"
    assert re.fullmatch("[0-9a-f]{12}", playground.page.inner_text("#fact-revision"))
    assert playground.page.inner_text("#plan") == "1 image or text sent"
    drawn = playground.page.get_attribute("#plot path", "d") or ""
    assert drawn.count("M") == 512


def test_each_dialect_answers_and_its_copied_requests_run_as_they_stand(
    playground: Playground, served: tuple[str, str], tmp_path: Path
) -> None:
    needs(shutil.which("node"), "the copied requests: Node is missing (apt install nodejs)")
    address, key = served
    page = playground.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    environment = {**os.environ, "KEY": key, "NO_PROXY": "*"}
    playground.embed_ours()
    found = []
    offered = page.locator("#dialect option").evaluate_all(VALUES)
    assert offered == DIALECTS
    for dialect in DIALECTS:
        page.select_option("#dialect", dialect)
        page.click("#send")
        playground.says("answer-title", re.compile(r"^200 in \d+ ms$"))
        page.click("#copy-answer")
        expect(page.locator("#copy-answer")).to_have_text("Copied")
        found.append(vector_in(json.loads(page.evaluate("navigator.clipboard.readText()"))))
        for language, command in RUN.items():
            page.select_option("#language", language)
            page.click("#copy-request")
            copied = page.evaluate("navigator.clipboard.readText()")
            assert copied == page.locator("#request").text_content()
            assert key not in copied
            done = subprocess.run(
                command, input=copied, env=environment, cwd=tmp_path, capture_output=True,
                text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 0, (dialect, language, done.stderr)
            found.append(vector_in(json.loads(done.stdout)))
    assert len(found) == 10 * (1 + len(RUN))
    assert {len(vector) for vector in found} == {512, 768, 1024}
    assert len(set(map(tuple, found))) == 3, "one vector in each dimensions, whatever the dialect"


def test_an_image_is_pasted(playground: Playground, served: tuple[str, str]) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    playground.page.context.grant_permissions(permissions, origin=served[0])
    playground.page.evaluate(COPY)
    playground.page.keyboard.press("Control+V")
    playground.page.wait_for_selector("#vector:not([hidden])")
    assert re.fullmatch(r".+\.png", playground.page.get_attribute("#one-picture img", "alt") or "")


def test_the_server_fetches_a_url_and_the_page_does_not(
    browser: Browser, served: tuple[str, str], pictures: PictureServer
) -> None:
    address, key = served
    with visiting(browser, f"{address}/#key={key}", Playground) as visit:
        visit.page.fill("#url", pictures.url("cat.jpg"))
        visit.page.press("#url", "Enter")
        visit.page.wait_for_selector("#vector:not([hidden])")
        first = visit.page.inner_text("#first")
        assert first.startswith(f"[{embed(served, image(CAT))[0][0]}, ")
        for dialect in DIALECTS:
            visit.page.select_option("#dialect", dialect)
            visit.page.click("#send")
            visit.says("answer-title", re.compile("^200 in "))
            assert pictures.url("cat.jpg") in visit.page.inner_text("#request")
        visit.assert_alone(address)
        visit.page.fill("#url", pictures.url("none.jpg"))
        visit.page.press("#url", "Enter")
        visit.says("one-said", re.compile("^The image could not be downloaded"))


def test_two_images_are_compared(playground: Playground, served: tuple[str, str]) -> None:
    pair = [CAT, PHOTOS[0]]
    playground.drop("#left-zone", [(photo.name, photo.read_bytes()) for photo in pair])
    a, b = np.array(embed(served, *map(image, pair)))
    playground.says("cosine", f"{a @ b:.3f}")
    playground.says("verdict", re.compile("^Different"))
    playground.drop("#right-zone", [("again.jpg", CAT.read_bytes())])
    playground.says("cosine", "1.000")
    playground.says("verdict", re.compile("^Near-duplicates"))


def test_a_wrong_key_is_named(browser: Browser, served: tuple[str, str]) -> None:
    with visiting(browser, f"{served[0]}/", Playground) as visit:
        visit.page.click("#ours")
        visit.says("one-said", "Give your key first, at the top of this page.")
        visit.page.fill("#key", "imgvec_wrong")
        visit.page.click("#ours")
        visit.says("one-said", re.compile("^The server does not know this key"))


def test_it_works_below_a_prefix_that_the_server_does_not_know(
    browser: Browser, served: tuple[str, str]
) -> None:
    with (
        behind_a_prefix(served[0]) as address,
        visiting(browser, f"{address}/#key={served[1]}", Playground) as visit,
    ):
        visit.embed_ours()
        assert f" {address}/v1/embeddings " in visit.page.inner_text("#request")
        visit.embed_set(PHOTOS[:2])
        visit.assert_alone(address)


def test_by_keyboard_alone(browser: Browser, served: tuple[str, str]) -> None:
    with visiting(browser, f"{served[0]}/", Playground) as visit:
        page = visit.page
        page.keyboard.type(served[1])
        visit.tab_to("ours")
        page.keyboard.press("Enter")
        page.wait_for_selector("#vector:not([hidden])")
        visit.tab_to("dialect")
        page.keyboard.press("ArrowDown")
        visit.tab_to("send")
        page.keyboard.press("Enter")
        visit.says("answer-title", re.compile("^200 in"))
        page.focus("#copy-answer")
        with page.expect_file_chooser() as chooser:
            visit.tab_to("set-files")
            page.keyboard.press("Enter")
        chooser.value.set_files([str(photo) for photo in PHOTOS[:20]])
        visit.says("set-said", re.compile("^20 photos embedded"))
        visit.tab_to("search")
        page.keyboard.type("a photo of a cat")
        page.keyboard.press("Enter")
        visit.says("results-title", re.compile("“a photo of a cat”"))
        visit.tab_to("show-all")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        visit.says("results-title", re.compile("^Like "))
        visit.assert_alone(served[0])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_it_is_accessible_and_nothing_sticks_out(
    playground: Playground, scheme: Any
) -> None:
    needs(AXE.is_file(), "axe-core is missing, which `make test-official-clients` installs")
    page = playground.page
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme=scheme)
    page.evaluate(AXE.read_text())
    assert page.evaluate(SERIOUS) == [], "before anything is embedded"
    playground.embed_ours()
    playground.drop("#left-zone", [("a.jpg", CAT.read_bytes()), ("b.jpg", CAT.read_bytes())])
    playground.says("cosine", "1.000")
    playground.embed_set(PHOTOS[:20])
    playground.search("a photo of a cat")
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        assert page.evaluate(SERIOUS) == []


def test_an_encoder_of_other_dimensions_leaves_the_dialects_that_it_can_answer(
    browser: Browser, environment: dict[str, str], tmp_path: Path
) -> None:
    linear_encoder(tmp_path / "models" / "wide", dimensions=768)
    environment = environment | {
        "IMGVEC_DATA": str(tmp_path / "data"),
        "IMGVEC_MODELS": str(tmp_path / "models"),
        "IMGVEC_ENCODERS": "wide",
    }
    key, _ = create_key("wide", environment)
    with (
        serving(environment) as running,
        visiting(browser, f"{running.address}/#key={key}", Playground) as visit,
    ):
        offered = visit.page.locator("#dimensions option").all_inner_texts()
        assert offered == ["768"]
        dialects = visit.page.locator("#dialect option").evaluate_all(VALUES)
        assert dialects == ["jina", "openai", "weaviate", "coreviz"]
        for dialect in dialects:
            visit.page.select_option("#dialect", dialect)
            visit.page.click("#send")
            visit.says("answer-title", re.compile("^200 in "))
        visit.assert_alone(running.address)

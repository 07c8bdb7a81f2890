"""The playground, in a real Chromium that reaches nothing but the server."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from sklearn.cluster import AgglomerativeClustering

from tests.browser.conftest import Visit, behind_a_prefix, needs, visiting
from tests.support.server.places import CAT, ROOT, PictureServer, imgvec

PHOTOS = sorted((ROOT / "models" / "imgvec_models" / "calibration" / "photos").glob("*.jpg"))[:50]
AXE = ROOT / ".cache" / "clients-js" / "node_modules" / "axe-core" / "axe.min.js"
LISTS = ["jina", "openai", "voyage", "cohere", "bedrock", "weaviate"]
DIALECTS = [*LISTS, "coreviz", "pixlab", "pixlab-llm", "memories"]
RUN = {
    "curl": ("bash", "-e"),
    "python": (sys.executable, "-"),
    "javascript": ("node", "--input-type=module", "-"),
}
DROP = """([selector, files]) => {
  const dataTransfer = new DataTransfer();
  for (const [name, base64] of files) {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  }
  const options = { bubbles: true, cancelable: true, dataTransfer };
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", options));
}"""
COPY = """async () => {
  const canvas = new OffscreenCanvas(300, 200);
  canvas.getContext("2d").fillRect(50, 50, 100, 100);
  const png = await canvas.convertToBlob({ type: "image/png" });
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
}"""
GROUPS = """() => [...document.querySelectorAll("#groups > li")].map(
  (group) => [...group.querySelectorAll(".name")].map((name) => name.textContent))"""
SCORES = """() => [...document.querySelectorAll("#results li")].map(
  (photo) => [".name", ".score"].map((one) => photo.querySelector(one).textContent))"""
SERIOUS = """async () => (await axe.run()).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join("; ")}`)"""


@dataclass
class Playground(Visit):
    """The page, with what a person does on it."""

    vectors: dict[str, list[float]] = field(default_factory=dict)
    """What was downloaded, by name."""

    def says(self, name: str, words: str | re.Pattern[str]) -> None:
        """Wait until an element says so."""
        expect(self.page.locator(f"#{name}")).to_have_text(words, timeout=60_000)

    def drop(self, selector: str, files: list[tuple[str, bytes]]) -> None:
        """Drop files on an element."""
        written = [(name, base64.b64encode(data).decode()) for name, data in files]
        self.page.evaluate(DROP, [selector, written])

    def embed_ours(self) -> None:
        """Embed the server's photo."""
        self.page.click("#ours")
        self.page.wait_for_selector("#vector:not([hidden])")

    def embed_set(self, photos: list[Path]) -> None:
        """Drop photos on the set, and wait for their vectors."""
        self.drop("#set-zone", [(photo.name, photo.read_bytes()) for photo in photos])
        self.says("set-said", re.compile(rf"^{len(photos)} photos embedded in "))

    def download(self) -> list[dict[str, Any]]:
        """The lines of the download."""
        with self.page.expect_download() as download:
            self.page.click("#download")
        text = download.value.path().read_text()
        return [json.loads(line) for line in text.splitlines()]

    def search(self, text: str) -> list[tuple[str, float]]:
        """Search by a text; gives names and scores in their order."""
        self.page.fill("#search", text)
        self.page.press("#search", "Enter")
        self.says("results-title", re.compile(f"“{text}”: "))
        return self.scores()

    def scores(self) -> list[tuple[str, float]]:
        """Names and scores of what is shown."""
        return [(name, float(score)) for name, score in self.page.evaluate(SCORES)]

    def tab_to(self, name: str) -> None:
        """Press Tab until this element has the focus."""
        for _ in range(200):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("() => document.activeElement.id") == name:
                return
        raise AssertionError(f"Tab does not reach {name}")


@pytest.fixture
def playground(browser: Browser, served: tuple[str, str]) -> Iterator[Playground]:
    """The page, opened by the link that `make run` prints."""
    address, key = served
    with visiting(browser, f"{address}/#key={key}", Playground) as visit:
        yield visit
        visit.assert_alone(address)


def limited_key(environment: dict[str, str], plan: str, *limits: str) -> str:
    """A key of a new plan."""
    made = imgvec("plans", "create", plan, *limits, environment=environment)
    done = imgvec("keys", "create", plan, "--plan", plan, "--json", environment=environment)
    assert made.returncode == done.returncode == 0, made.stderr + done.stderr
    key: str = json.loads(done.stdout)["key"]
    return key


def embed(served: tuple[str, str], *inputs: object) -> list[list[float]]:
    """Vectors of 512 dimensions, by a request of our own."""
    address, key = served
    answer = httpx2.post(
        f"{address}/v1/embeddings",
        json={"model": "jina-clip-v2", "dimensions": 512, "input": inputs},
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
    )
    return [one["embedding"] for one in answer.raise_for_status().json()["data"]]


def image(path: Path) -> dict[str, str]:
    """An image as an input."""
    return {"image": base64.b64encode(path.read_bytes()).decode()}


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
    offered = page.locator("#dialect option").evaluate_all("all => all.map((one) => one.value)")
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


def test_fifty_photos_are_searched_grouped_and_downloaded(
    playground: Playground, served: tuple[str, str]
) -> None:
    playground.embed_set(PHOTOS)
    lines = playground.download()
    assert [line["name"] for line in lines] == [photo.name for photo in PHOTOS]
    assert {(line["model"], line["dimensions"]) for line in lines} == {("starter", 512)}
    text, *some = embed(served, "a photo of a cat", *map(image, PHOTOS[:5]))
    assert [line["embedding"] for line in lines[:5]] == some
    names = np.array([line["name"] for line in lines])
    vectors = np.array([line["embedding"] for line in lines])
    cosines = vectors @ np.array(text)

    scores = playground.search("a photo of a cat")
    order = np.argsort(-cosines)
    assert [name for name, _ in scores] == list(names[order][cosines[order] >= 0.24])
    assert scores[0][0].startswith("chelsea") and scores[0][1] == round(cosines.max(), 3)
    playground.page.fill("#floor", "0.29")
    assert len(playground.scores()) == (cosines >= 0.29).sum() < len(scores)

    playground.page.click(f"#results [aria-label='More like {names[order[0]]}']")
    alike = vectors @ vectors[order[0]]
    assert playground.scores()[0] == (names[order[0]], 1.0)
    assert len(playground.scores()) == (alike >= 0.8).sum()

    for at in (0.95, 0.85):
        playground.page.fill("#threshold", str(at))
        groups = playground.page.evaluate(GROUPS)
        assert {frozenset(group) for group in groups} == complete_linkage(names, vectors, at)


def complete_linkage(names: np.ndarray, vectors: np.ndarray, at: float) -> set[frozenset[str]]:
    """The groups by scikit-learn, in each of which every pair reaches the threshold."""
    distances = 1 - vectors @ vectors.T
    clusters = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="complete", distance_threshold=1 - at
    ).fit_predict(distances)
    groups = [np.flatnonzero(clusters == one) for one in set(clusters)]
    for group in groups:
        assert all(1 - distances[i, j] >= at for i, j in combinations(group, 2))
    return {frozenset(names[group]) for group in groups if len(group) > 1}


def test_a_photo_that_cannot_be_read_is_named_and_the_others_are_embedded(
    browser: Browser, served: tuple[str, str], tmp_path: Path
) -> None:
    address, key = served
    notes, large = tmp_path / "notes.jpg", tmp_path / "large.jpg"
    notes.write_bytes(b"no image")
    large.write_bytes(bytes(14_000_001))
    with visiting(browser, f"{address}/#key={key}", Playground) as visit:
        chosen = [*PHOTOS[:3], notes, large, *PHOTOS[3:20]]
        visit.page.set_input_files("#set-files", [str(path) for path in chosen])
        visit.says("set-said", re.compile("^20 photos embedded"))
        problems = visit.page.locator("#problems li").all_inner_texts()
        assert problems[0].startswith("notes.jpg: Not a supported image")
        assert problems[1].startswith("large.jpg: It has 14.0 MB. This page sends 14 MB")
        assert len(problems) == 2
        lists = [url for url in visit.asked if url.endswith("/v1/embeddings")]
        assert len(lists) == 3, "two, and one of them again without the photo at fault"


def test_it_waits_as_the_server_asks_and_shows_what_is_left(
    browser: Browser, served: tuple[str, str], environment: dict[str, str]
) -> None:
    key = limited_key(environment, "slow", "--rate", "1", "--burst", "1")
    with visiting(browser, f"{served[0]}/#key={key}", Playground) as visit:
        visit.embed_set(PHOTOS[:18])
        visit.says("plan", re.compile(r"^18 images and texts sent; 0 of 1 left in this plan"))
        assert any("429" in said for said in visit.complaints), "the browser's own note"


def test_work_can_be_cancelled(
    browser: Browser, served: tuple[str, str], environment: dict[str, str]
) -> None:
    key = limited_key(environment, "slower", "--rate", "0.05", "--burst", "1")
    with visiting(browser, f"{served[0]}/#key={key}", Playground) as visit:
        visit.drop("#set-zone", [(photo.name, photo.read_bytes()) for photo in PHOTOS])
        visit.says("set-said", re.compile("^16 of 50 photos. The server asks to wait "))
        visit.page.click("#cancel")
        visit.says("set-said", "Cancelled.")
        visit.says("results-title", "16 photos, 512 dimensions")


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

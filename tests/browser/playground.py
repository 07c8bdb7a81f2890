"""The playground, with what a person does on it."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import expect

from tests.browser.visits import Visit
from tests.support.server.places import ROOT

PHOTOS = sorted((ROOT / "models" / "imgvec_models" / "calibration" / "photos").glob("*.jpg"))[:50]
DROP = """([selector, files]) => {
  const dataTransfer = new DataTransfer();
  for (const [name, base64] of files) {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  }
  const options = { bubbles: true, cancelable: true, dataTransfer };
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", options));
}"""
SCORES = """() => [...document.querySelectorAll("#results li")].map(
  (photo) => [".name", ".score"].map((one) => photo.querySelector(one).textContent))"""


class Playground(Visit):
    """The page, with what a person does on it."""

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

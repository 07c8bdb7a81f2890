"""A set of photos in the playground: search, groups, download, errors and waits."""

import json
import re
from itertools import combinations
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser
from sklearn.cluster import AgglomerativeClustering

from tests.browser.playground import PHOTOS, Playground, embed, image
from tests.browser.visits import visiting
from tests.support.server.places import imgvec

GROUPS = """() => [...document.querySelectorAll("#groups > li")].map(
  (group) => [...group.querySelectorAll(".name")].map((name) => name.textContent))"""


def limited_key(environment: dict[str, str], plan: str, *limits: str) -> str:
    """A key of a new plan."""
    made = imgvec("plans", "create", plan, *limits, environment=environment)
    done = imgvec("keys", "create", plan, "--plan", plan, "--json", environment=environment)
    assert made.returncode == done.returncode == 0, made.stderr + done.stderr
    key: str = json.loads(done.stdout)["key"]
    return key


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

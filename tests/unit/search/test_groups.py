"""`imgvec duplicates` and `imgvec cluster`: known near-duplicates are found, and nothing chains."""

import base64
import hashlib
import html
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from skimage import data
from sklearn.cluster import AgglomerativeClustering

from imgvec.search.groups import Linkage, blocks, pairs_of
from imgvec.search.index import Index, Space, Version
from imgvec.search.writer import opened
from imgvec.types import Vectors
from tests.support.server.places import PictureServer, imgvec, server_environment
from tests.unit.cli.said import Environment, lines_of

NAMES = [
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "camera",
    "retina",
    "hubble_deep_field",
    "clock",
    "brick",
    "grass",
    "gravel",
    "horse",
    "text",
    "coins",
    "moon",
    "page",
    "immunohistochemistry",
]
"""Photos that are distinct."""


def versions(photo: Image.Image) -> Iterator[tuple[str, Image.Image, int]]:
    """The photo, five near-duplicates, and the JPEG quality of each."""
    width, height = photo.size
    tenth = (width // 10, height // 10, width - width // 10, height - height // 10)
    yield "original", photo, 90
    yield "q30", photo, 30
    yield "half", photo.resize((width // 2, height // 2)), 90
    yield "crop", photo.crop(tenth), 90
    yield "flip", ImageOps.mirror(photo), 90
    yield "bright", ImageEnhance.Brightness(photo).enhance(1.3), 90


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer) -> Environment:
    """An index of every version of every photo; no test of this file changes it."""
    folder = tmp_path_factory.mktemp("groups") / "photos"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        pixels = np.asarray(getattr(data, name)())
        photo = Image.fromarray((pixels * (255 if pixels.dtype == bool else 1)).astype(np.uint8))
        for version, changed, quality in versions(photo.convert("RGB")):
            changed.save(folder / name / f"{version}.jpg", quality=quality)
    given = server_environment(tmp_path_factory.mktemp("data"), pictures)
    assert imgvec("index", str(folder), environment=given).returncode == 0
    return given


def groups_of(environment: Environment, *arguments: str) -> list[list[Path]]:
    done = imgvec(*arguments, "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    return [[Path(photo["path"]) for photo in row["photos"]] for row in lines_of(done.stdout)]


def pairs(groups: list[list[Path]]) -> set[frozenset[Path]]:
    return {frozenset(pair) for group in groups for pair in combinations(group, 2)}


def test_known_near_duplicates(environment: Environment) -> None:
    found = pairs(groups_of(environment, "duplicates"))
    right = {pair for pair in found if len({path.parent for path in pair}) == 1}
    every = len(NAMES) * 15
    precision, recall = len(right) / len(found), len(right) / every
    print(f"duplicates at 0.95: precision {precision:.3f}, recall {recall:.3f} of {every} pairs")
    for version in ("q30", "half", "crop", "flip", "bright"):
        near = [pair for pair in right if {path.stem for path in pair} == {"original", version}]
        print(f"  {version}: {len(near)} of {len(NAMES)} stand beside their original")
    assert precision == 1
    assert recall > 0.65


def test_every_two_photos_of_a_group_are_similar(environment: Environment) -> None:
    with Index(Path(environment["IMGVEC_DATA"]) / "index") as index:
        slots = index.slots()
        rows = {Path(photo.path): slot for slot, photo in index.photos(slots.tolist()).items()}
        vectors = index.vectors(slots)
        for at, command in ((0.95, "duplicates"), (0.8, "cluster")):
            for group in groups_of(environment, command):
                own = vectors[[rows[path] for path in group]]
                assert (own @ own.T).min() >= at - 1e-5


def test_a_chain_is_not_joined(tmp_path: Path, pictures: PictureServer) -> None:
    """Ten steps of 10 degrees each: neighbours have a cosine of 0.985, the ends of 0."""
    given = server_environment(tmp_path, pictures)
    angles = np.radians(np.arange(0, 100, 10))
    with opened(tmp_path / "index", Space("starter", "0" * 64, 2), rebuild=False) as writer:
        for number, angle in enumerate(angles):
            vector = np.array([np.cos(angle), np.sin(angle)], np.float32)
            writer.put(f"/{number}.jpg", Version(number, 0), vector)
    groups = groups_of(given, "duplicates", "--at", "0.98")
    assert [len(group) for group in groups] == [2, 2, 2, 2, 2]


@pytest.mark.parametrize(("motifs", "at"), [(12, 0.2), (12, 0.5), (12, 0.8), (55, 0.8)])
def test_groups_are_those_of_complete_linkage(motifs: int, at: float) -> None:
    random = np.random.default_rng(motifs)
    centres = random.normal(size=(motifs, 1, 8))
    vectors = (centres + 0.6 * random.normal(size=(motifs, 25, 8))).reshape(-1, 8)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    linkage = Linkage()
    for start in blocks(len(vectors)):
        linkage.add(pairs_of(vectors, start, at))
    found = linkage.groups()
    reference = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="complete", distance_threshold=1 - at
    ).fit_predict(vectors.astype(np.float64))
    expected = {tuple(np.flatnonzero(reference == label)) for label in set(reference)}
    assert {tuple(group.rows) for group in found} == {rows for rows in expected if len(rows) > 1}
    for group in found:
        assert np.isclose(group.least, _least(vectors[group.rows]), atol=1e-6)


def _least(vectors: Vectors) -> float:
    return float((vectors @ vectors.T).min())


def test_a_person_sees_the_largest_file_first(environment: Environment) -> None:
    done = imgvec("duplicates", environment=environment)
    first = done.stdout.split("\n\n")[0].splitlines()
    assert re.fullmatch(r"\d+ photos, 0\.9\d\d or more alike", first[0])
    sizes = [int(line.split()[0].replace(",", "")) for line in first[1:]]
    assert sizes == sorted(sizes, reverse=True)
    assert re.fullmatch(r"\d+ groups with \d+ photos, \d+ photos in no group\n", done.stderr)


def test_a_page_loads_nothing_and_runs_nothing(environment: Environment, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert imgvec("duplicates", "--html", str(page), environment=environment).returncode == 0
    text = page.read_text()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    (style,) = re.findall(r"<style>(.*)</style>", text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert (
        html.unescape(policy) == f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    )
    assert set(re.findall(r'src="(.{22})', text)) == {"data:image/jpeg;base64"}
    assert set(re.findall(r'href="(.{8})', text)) == {"file:///"}
    assert "<script" not in text
    photos = sum(len(group) for group in groups_of(environment, "duplicates"))
    assert text.count("<img ") == photos


def test_a_page_escapes_names_and_misses_photos_that_are_gone(
    tmp_path: Path, pictures: PictureServer
) -> None:
    given, page = server_environment(tmp_path, pictures), tmp_path / "page.html"
    with opened(tmp_path / "index", Space("starter", "0" * 64, 1), rebuild=False) as writer:
        for name in ("/<img src=x>&\n\udce9.jpg", '/"x" onerror="y.jpg'):
            writer.put(name, Version(1, 0), np.ones(1, np.float32))
    done = imgvec("cluster", "--html", str(page), environment=given)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "&lt;img src=x&gt;&amp;\ufffd\ufffd.jpg" in text
    assert '"y.jpg' not in text
    assert "<img" not in text
    assert text.count("not readable") == 2

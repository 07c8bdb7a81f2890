"""The samples of the vendors' own documents, with another address and key, on 100 photos."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from photos import PATHS, edited
from tests.support.server.places import (
    ROOT,
    PictureServer,
    create_key,
    server_environment,
    serving,
)

SAMPLES: Final = ROOT / "tests" / "contract" / "samples"
PHOTOS: Final = 100
COPIES: Final = PHOTOS - len(PATHS)
"""Photos that are there twice, the second time with fewer bytes."""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


class Vendor:
    """The photos and where they are served, and a server with a key, in the vendors' places."""

    def __init__(self, folder: Path, pictures: str, address: str, key: str) -> None:
        """Make the photos' addresses."""
        self.folder = folder
        self.urls = [f"http://{pictures}/{number:03}.jpg" for number in range(PHOTOS)]
        self.replaced = {
            "https://lab.coreviz.io": address,
            "https://mavi-backend.memories.ai": address,
            "https://api.pixlab.io": address,
            "YOUR_API_KEY": key,
            "PIXLAB_API_KEY": key,
            "'https://example.com/input.jpg'": "url",
            "'https://pixlab.io/assets/images/nature31.jpg'": "url",
        }
        self.key = key

    def sample(self, name: str) -> str:
        """A sample of which the address, the key and the photo's URL are replaced."""
        text = (SAMPLES / f"{name}.txt").read_text()
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        return re.sub('"sk-mai-[a-z_]+"', json.dumps(self.key), text)

    def python(self, name: str) -> list[str]:
        """The lines that a sample prints, run for each photo."""
        program = f"sample = {self.sample(name)!r}\nfor url in {self.urls!r}:\n    exec(sample)\n"
        return self._run([sys.executable, "-"], program).splitlines()

    def javascript(self, names: list[str], before: str, expression: str) -> Any:
        """The value of an expression behind samples."""
        lines = [
            f"const apiKey = {json.dumps(self.key)};",
            f"const urls = {json.dumps(self.urls)};",
        ]
        lines += [before, *map(self.sample, names)]
        lines.append(f"process.stdout.write(JSON.stringify(await {expression}));")
        return json.loads(self._run(["node", "--input-type=module", "-"], "\n".join(lines)))

    def _run(self, command: list[str], program: str) -> str:
        done = subprocess.run(
            command,
            input=program,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """Photos on a web server, and imgvec, which may fetch them."""
    folder = tmp_path_factory.mktemp("photos")
    files = [path.read_bytes() for path in PATHS]
    files += [edited(path)["JPEG q30"] for path in PATHS[:COPIES]]
    for number, content in enumerate(files):
        (folder / f"{number:03}.jpg").write_bytes(content)
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        data = tmp_path_factory.mktemp("data")
        environment = server_environment(data, PictureServer(address, {}))
        key, _ = create_key("reader", environment)
        with serving(environment) as running:
            yield Vendor(folder, address, running.address, key)
        server.shutdown()


@pytest.fixture(scope="module")
def stored(vendor: Vendor) -> str:
    """Code that has the rows which CoreViz's sample of a vector store inserts."""
    kept = "const kept = [];\nconst vectorDB = { insert: async (row) => { kept.push(row); } };"
    each = "(async () => { for (const url of urls) await indexImage(url); return kept; })()"
    rows = vendor.javascript(["coreviz_index.mjs"], kept, each)
    assert [row["id"] for row in rows] == vendor.urls
    return f"const rows = {json.dumps(rows)};"


def test_coreviz_search_and_recommendation(vendor: Vendor, stored: str) -> None:
    names = ["coreviz_search.mjs", "coreviz_recommend.mjs"]
    each = (
        "(url) => Promise.all([searchSimilarImages(url, rows), recommendSimilarContent(url, rows)])"
    )
    for found, recommended in vendor.javascript(names, stored, f"Promise.all(urls.map({each}))"):
        assert len(found) == PHOTOS
        assert found[0]["similarity"] == pytest.approx(1)
        assert recommended == found[:5]


def test_coreviz_duplicates(vendor: Vendor, stored: str) -> None:
    names = ["coreviz_search.mjs", "coreviz_duplicates.mjs"]
    expression = "Promise.all(urls.map((url) => findDuplicates(url, rows)))"
    lists = vendor.javascript(names, stored, expression)
    found = [{row["id"] for row in rows} for rows in lists]
    copies = [
        number for number in range(COPIES) if vendor.urls[len(PATHS) + number] in found[number]
    ]
    assert (len(copies), COPIES) == (31, 36)


def test_coreviz_clusters(vendor: Vendor) -> None:
    names = ["coreviz_search.mjs", "coreviz_cluster.mjs"]
    clusters = vendor.javascript(names, "", "clusterImages(urls)")
    assert sorted(url for cluster in clusters for url in cluster) == vendor.urls
    assert len(clusters) == 20


def test_coreviz_in_python(vendor: Vendor) -> None:
    lines = vendor.python("coreviz_requests.py")
    assert lines == ["Embedding shape: (768,)", "Dimensions: 768"] * PHOTOS


def test_pixlab_and_memories_have_the_same_vectors(vendor: Vendor) -> None:
    printed = vendor.python("pixlab_requests.py")
    pixlab = np.array([json.loads(line.partition(": ")[2]) for line in printed])
    assert pixlab.shape == (PHOTOS, 1024)
    assert np.linalg.norm(pixlab, axis=1) == pytest.approx(1)
    prelude = (
        "import { readFileSync } from 'node:fs';\n"
        "const answers = [];\nconsole.log = (answer) => { answers.push(answer); };\n"
        "for (const url of urls) {\n"
        "const imageFile = new Blob([readFileSync(url.slice(-7))], { type: 'image/jpeg' });\n"
    )
    answers = vendor.javascript(
        [], prelude + vendor.sample("memories_fetch.mjs") + "\n}", "answers"
    )
    assert {answer["code"] for answer in answers} == {200}
    assert np.array_equal([answer["data"]["embedding"] for answer in answers], pixlab)

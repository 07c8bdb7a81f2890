"""The samples of the vendors' own documents, as they stand in `samples/`.

Only what cannot work from here is replaced: the vendor's address, the placeholder of the key and
the address of the photo. What a sample takes for given is put in front of it.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image, ImageOps

from tests.support.contract.checks import assert_unit, bits
from tests.support.server.places import CAT, ROOT, PictureServer, Place

SAMPLES = Path(__file__).parent / "samples"
NODE_CACHE = ROOT / ".cache" / "node"
COREVIZ = "https://lab.coreviz.io"
COREVIZ_KEY = "YOUR_API_KEY"
COREVIZ_PHOTO = "https://example.com/input.jpg"
MEMORIES = "https://mavi-backend.memories.ai"
PIXLAB = "https://api.pixlab.io"
MANY = int(os.environ.get("TEST_MANY_IMAGES", "150"))
"""Images that are asked for at once."""

pytestmark = pytest.mark.parametrize("place", ["uvicorn"], indirect=True)


def sample(name: str, replaced: Mapping[str, str]) -> str:
    """A sample's text; what is to be replaced must stand in it."""
    text = (SAMPLES / f"{name}.txt").read_text()
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return text


def address(place: Place) -> str:
    """Where the place answers, without a slash at the end."""
    return str(place.client.base_url).rstrip("/")


def coreviz(place: Place, pictures: PictureServer) -> dict[str, str]:
    """What is replaced in a whole sample of CoreViz."""
    return {
        COREVIZ: address(place),
        COREVIZ_KEY: place.key,
        COREVIZ_PHOTO: pictures.url("cat.jpg"),
    }


def run(place: Place, command: list[str], text: str, **more: str) -> str:
    """What a sample prints; it reads its files from the folder that holds the photo."""
    done = subprocess.run(
        command,
        input=text,
        env={**place.environment, "NO_PROXY": "*", **more},
        cwd=place.environment["IMGVEC_DATA"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_module(place: Place, text: str) -> str:
    """What Node prints for an ECMAScript module."""
    return run(place, [tool("node"), "--input-type=module", "-"], text)


def tool(name: str) -> str:
    """A program that samples need."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} IS NOT INSTALLED: the vendors' samples that need it were NOT run")
    return found


@pytest.fixture
def example_file(place: Place) -> Path:
    """The photo, under the name that memories.ai's samples give it."""
    path = Path(place.environment["IMGVEC_DATA"]) / "example-file"
    path.write_bytes(CAT.read_bytes())
    return path


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """A folder with the real node-fetch, which one sample requires."""
    folder = NODE_CACHE / "node_modules"
    with FileLock(NODE_CACHE / ".lock"):
        if not (folder / "node-fetch" / "package.json").is_file():
            options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund"]
            done = subprocess.run(
                [tool("npm"), "install", *options, "--prefix", str(NODE_CACHE), "node-fetch@2"],
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def gallery(place: Place, pictures: PictureServer) -> list[dict[str, object]]:
    """Embedded pictures: the cat, smaller and saved again, mirrored, and two that are no cat."""
    with Image.open(CAT) as photo:
        cat = photo.convert("RGB")
    stripes = Image.linear_gradient("L").resize((300, 300)).rotate(45).convert("RGB")
    variants = {
        "stripes": stripes,
        "blue": Image.new("RGB", (300, 300), "blue"),
        "mirrored": ImageOps.mirror(cat),
        "again": cat.resize((cat.width * 2 // 3, cat.height * 2 // 3)),
    }
    for name, image in variants.items():
        file = BytesIO()
        image.save(file, "JPEG", quality=95)
        pictures.files[f"{name}.jpg"] = file.getvalue()
    return [
        {"id": name, "embedding": embed(place, pictures.url(f"{name}.jpg"))} for name in variants
    ]


def embed(place: Place, url: str) -> object:
    """CoreViz's embedding of a picture, asked for without a sample."""
    answer = place.client.post(
        "/api/ai/embeddings", headers={"x-api-key": place.key}, json={"image": url}
    )
    return answer.json()["embedding"]


def use_case(
    place: Place, names: list[str], given: Mapping[str, object], expression: str
) -> object:
    """Run a function of CoreViz's use cases and read what it gives."""
    constants = {"apiKey": place.key, **given}
    lines = [f"const {name} = {json.dumps(value)};" for name, value in constants.items()]
    lines += [sample(f"{name}.mjs", {COREVIZ: address(place)}) for name in names]
    lines.append(f"console.log(JSON.stringify(await {expression}));")
    return json.loads(run_module(place, "\n".join(lines)))


def test_coreviz_curl(place: Place, pictures: PictureServer) -> None:
    tool("curl")
    printed = json.loads(
        run(place, [tool("bash")], sample("coreviz_curl.sh", coreviz(place, pictures)))
    )
    assert list(printed) == ["embedding", "dimensions", "model"]
    assert (printed["dimensions"], printed["model"]) == (768, "default")
    assert_unit(printed["embedding"], 768)


def test_coreviz_requests(place: Place, pictures: PictureServer) -> None:
    text = sample("coreviz_requests.py", coreviz(place, pictures))
    printed = run(place, [sys.executable, "-"], text)
    assert printed == "Embedding shape: (768,)\nDimensions: 768\n"


def test_coreviz_fetch(place: Place, pictures: PictureServer) -> None:
    printed = run_module(place, sample("coreviz_fetch.mjs", coreviz(place, pictures)))
    assert printed.startswith("Embedding dimensions: 768\nEmbedding vector: [")
    assert "... 668 more items" in printed


def test_coreviz_node_fetch(place: Place, pictures: PictureServer, node_modules: Path) -> None:
    printed = run(
        place,
        [tool("node"), "--input-type=commonjs", "-"],
        sample("coreviz_node_fetch.cjs", coreviz(place, pictures)),
        NODE_PATH=str(node_modules),
    )
    assert printed == "Embedding dimensions: 768\nEmbedding vector length: 768\n"


def test_coreviz_similarity_search(
    place: Place, pictures: PictureServer, gallery: list[dict[str, object]]
) -> None:
    given = {"query": pictures.url("cat.jpg"), "imageDatabase": gallery}
    found = use_case(place, ["coreviz_search"], given, "searchSimilarImages(query, imageDatabase)")
    assert isinstance(found, list)
    assert [one["id"] for one in found[:2]] == ["again", "mirrored"]
    similarities = [one["similarity"] for one in found]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] > 0.95 > 0.85 > similarities[2]


def test_coreviz_recommendation(
    place: Place, pictures: PictureServer, gallery: list[dict[str, object]]
) -> None:
    given = {"query": pictures.url("cat.jpg"), "contentLibrary": gallery + gallery}
    names = ["coreviz_search", "coreviz_recommend"]
    found = use_case(place, names, given, "recommendSimilarContent(query, contentLibrary)")
    assert isinstance(found, list)
    assert len(found) == 5
    assert [one["id"] for one in found[:4]] == ["again", "again", "mirrored", "mirrored"]


def test_coreviz_duplicates(
    place: Place, pictures: PictureServer, gallery: list[dict[str, object]]
) -> None:
    given = {"query": pictures.url("cat.jpg"), "imageCollection": gallery}
    names = ["coreviz_search", "coreviz_duplicates"]
    found = use_case(place, names, given, "findDuplicates(query, imageCollection)")
    assert isinstance(found, list)
    assert "again" in {one["id"] for one in found}
    assert not {"stripes", "blue"} & {one["id"] for one in found}


def test_coreviz_clustering(
    place: Place, pictures: PictureServer, gallery: list[dict[str, object]]
) -> None:
    cat = pictures.url("cat.jpg")
    urls = [cat, *(pictures.url(f"{one['id']}.jpg") for one in gallery)]
    names = ["coreviz_search", "coreviz_cluster"]
    clusters = use_case(place, names, {"imageUrls": urls}, "clusterImages(imageUrls)")
    assert isinstance(clusters, list)
    assert sorted(url for cluster in clusters for url in cluster) == sorted(urls)
    assert set(clusters[0]) == {cat, pictures.url("again.jpg"), pictures.url("mirrored.jpg")}


def test_coreviz_clustering_of_many(place: Place, pictures: PictureServer) -> None:
    """The sample sends all its requests at once, and one error response ends it."""
    urls = [f"{pictures.url('cat.jpg')}?{number}" for number in range(MANY)]
    names = ["coreviz_search", "coreviz_cluster"]
    clusters = use_case(place, names, {"imageUrls": urls}, "clusterImages(imageUrls)")
    assert clusters == [urls]


def test_coreviz_indexing(place: Place, pictures: PictureServer) -> None:
    cat = pictures.url("cat.jpg")
    # The document's "vectorDB" is pseudo-code; this one keeps what is inserted.
    text = "\n".join(
        [
            "const kept = [];",
            "const vectorDB = { insert: async (row) => { kept.push(row); } };",
            f"const apiKey = {json.dumps(place.key)};",
            sample("coreviz_index.mjs", {COREVIZ: address(place)}),
            f"await indexImage({json.dumps(cat)});",
            "console.log(JSON.stringify(kept));",
        ]
    )
    (row,) = json.loads(run_module(place, text))
    assert row["id"] == row["metadata"]["url"] == cat
    assert bits(row["embedding"]) == bits(embed(place, cat))


def test_pixlab_requests(place: Place, pictures: PictureServer) -> None:
    replaced = {
        PIXLAB: address(place),
        "'PIXLAB_API_KEY'": repr(place.key),
        "https://pixlab.io/assets/images/nature31.jpg": pictures.url("cat.jpg"),
    }
    printed = run(place, [sys.executable, "-"], sample("pixlab_requests.py", replaced))
    label, _, embedding = printed.partition(": ")
    assert label == "Image embedding vector"
    assert_unit(ast.literal_eval(embedding), 1024)


def test_pixlab_requests_with_a_wrong_key(place: Place, pictures: PictureServer) -> None:
    """The sample's other branch: it prints what the envelope says."""
    replaced = {
        PIXLAB: address(place),
        "https://pixlab.io/assets/images/nature31.jpg": pictures.url("cat.jpg"),
    }
    printed = run(place, [sys.executable, "-"], sample("pixlab_requests.py", replaced))
    assert printed == "Missing/Invalid PixLab API Key\n"


def test_memories_curl(place: Place, example_file: Path) -> None:
    tool("curl")
    replaced = {MEMORIES: address(place), "<api-key>": place.key}
    printed = json.loads(run(place, [tool("bash")], sample("memories_curl.sh", replaced)))
    assert_unit(printed["data"]["embedding"], 1024)
    del printed["data"]
    assert printed == {"code": 200, "msg": "success", "success": True, "failed": False}


def test_memories_fetch(place: Place, example_file: Path) -> None:
    text = sample("memories_fetch.mjs", {MEMORIES: address(place)})
    text, count = re.subn('"sk-mai-[a-z_]+"', json.dumps(place.key), text)
    assert count == 1
    # The document's `imageFile` is what a browser's form has.
    given = (
        "import { readFileSync } from 'node:fs';\n"
        "const imageFile = new Blob([readFileSync('example-file')], { type: 'image/jpeg' });\n"
    )
    printed = run_module(place, given + text)
    assert re.search(r"code: 200,\s+msg: 'success',", printed)
    assert "... 924 more items" in printed
    assert re.search(r"success: true,\s+failed: false", printed)

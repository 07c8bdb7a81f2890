"""`imgvec embed`: sources and spaces."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.settings import load_settings
from tests.support.server.places import CAT, PictureServer, create_key, imgvec
from tests.unit.cli.said import Environment, assert_sentence, lines_of

WIDTHS = [512, 768, 1024]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_api_gives_the_same_bits(
    environment: Environment, pictures: PictureServer, width: int
) -> None:
    done = imgvec("embed", str(CAT), "--dimensions", str(width), environment=environment)
    assert done.returncode == 0, done.stderr
    (row,) = lines_of(done.stdout)
    key, _ = create_key("a", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        if width == 768:
            answer = client.post(
                "/api/ai/embeddings",
                headers={"x-api-key": key},
                json={"image": pictures.url("cat.jpg")},
            )
        else:
            fields = {"key": key, "dimension": str(width)}
            answer = client.post("/imgembed", data=fields, files={"file": CAT.read_bytes()})
    embedding = answer.json()["embedding"]
    assert len(row["embedding"]) == width
    assert np.array(row["embedding"], np.float32).tobytes() == (
        np.array(embedding, np.float32).tobytes()
    )
    assert row["model"] == answer.headers["X-Embedding-Model"]
    assert row["revision"] == answer.headers["X-Embedding-Revision"]


def test_widest_space_by_default(environment: Environment) -> None:
    (row,) = lines_of(imgvec("embed", str(CAT), environment=environment).stdout)
    assert set(row) == {"source", "model", "revision", "embedding"}
    assert row["source"] == str(CAT)
    assert len(row["embedding"]) == max(WIDTHS)
    assert abs(np.linalg.norm(row["embedding"]) - 1) < 1e-5


def test_mix_of_sources(environment: Environment, folder: Path, pictures: PictureServer) -> None:
    good, bad = pictures.url("cat.jpg"), pictures.url("no-such.jpg")
    refused, empty = "http://169.254.169.254/cat.jpg", folder.parent / "empty.jpg"
    empty.touch()
    hidden = folder / ".hidden.jpg"
    done = imgvec(
        "embed", good, str(folder), bad, refused, str(empty), str(hidden), environment=environment
    )
    assert done.returncode == 1
    rows = lines_of(done.stdout)
    # In the order given; a folder's in the order of names; a hidden file where it is named.
    expected = [good, str(folder / "a" / "c.JPEG"), str(folder / "b.jpg"), str(hidden)]
    assert [row["source"] for row in rows] == expected
    assert len({json.dumps(row["embedding"]) for row in rows}) == 1
    assert done.stderr.splitlines() == [
        "Skipped in folders: not an image: 1",
        f"{folder / 'broken.png'}: Not a supported image, or a damaged one",
        f"{bad}: The image could not be downloaded, check its URL or send the image itself",
        f"{refused}: The image URL may not be fetched, send the image itself "
        "(IMGVEC_FETCH_ALLOW names the private hosts that may be fetched from)",
        f"{empty}: Not a supported image, or a damaged one: send JPEG, PNG, WebP, GIF, TIFF or BMP",
        "4 embedded, 4 failed, of 8",
    ]


def test_limits_hold_here_too(environment: Environment, tmp_path: Path, cat: bytes) -> None:
    (tmp_path / "long.jpg").write_bytes(cat + bytes(100_000))
    # A file that no memory holds: its size must be judged before it is read.
    (tmp_path / "huge.jpg").write_bytes(cat[:1000])
    os.truncate(tmp_path / "huge.jpg", 1 << 40)
    done = imgvec("embed", str(tmp_path), environment={**environment, "IMGVEC_MAX_IMAGE": "100000"})
    assert (done.returncode, done.stdout) == (1, "")
    for name in ("long.jpg", "huge.jpg"):
        assert (
            f"{tmp_path / name}: The image is over the limit of 100,000 bytes "
            "(IMGVEC_MAX_IMAGE sets the limit)\n"
        ) in done.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("IMGVEC_MAX_PIXELS", "The image has 64 x 48 pixels, over the limit of 1,000 pixels"),
        ("IMGVEC_MAX_FRAMES", "The image has more than 1,000 frames or pages, send one of them"),
    ],
)
def test_the_limit_of_an_image_is_named_with_its_setting(
    environment: Environment, tmp_path: Path, setting: str, said: str
) -> None:
    picture = Image.new("RGB", (64, 48))
    others = [picture] * (1000 if setting == "IMGVEC_MAX_FRAMES" else 0)
    picture.save(tmp_path / "a.tiff", save_all=True, append_images=others)
    done = imgvec("embed", str(tmp_path / "a.tiff"), environment={**environment, setting: "1000"})
    assert f"a.tiff: {said} ({setting} sets the limit)\n" in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-such.jpg", "There is no file or folder 'no-such.jpg'"),
        ("x" * 300, "There is no file or folder"),
        ("data:image/png;base64," + "A" * 5000, "There is no file or folder"),
        ("ftp://example.com/cat.jpg", "There is no file or folder"),
        ("/dev/null", "There is no file or folder '/dev/null'"),
    ],
    ids=["missing", "long", "data URI", "other scheme", "device"],
)
def test_no_such_source(environment: Environment, name: str, said: str) -> None:
    done = imgvec("embed", str(CAT), name, environment=environment)
    assert_sentence(done, 1, said)


def test_folder_without_images(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    said = (
        "There are no images in what was given. Skipped in folders: HEIC: 1, not an image: 1. "
        "JPEG, PNG, WebP, GIF, TIFF and BMP are read; "
        "to read HEIC: `pip install 'imgvec[heic]'` and IMGVEC_EXTRA_FORMATS=heic"
    )
    assert_sentence(imgvec("embed", str(tmp_path), environment=environment), 1, said)


@pytest.mark.parametrize("width", ["0", "1", "513", "-512", "4096"])
def test_no_such_space(environment: Environment, width: str) -> None:
    done = imgvec("embed", str(CAT), f"--dimensions={width}", environment=environment)
    assert_sentence(done, 1, "--dimensions must be one of: 512, 768, 1024")

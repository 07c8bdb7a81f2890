"""`imgvec search`: the same photos as exact search by plain NumPy."""

from pathlib import Path

import numpy as np
import pytest

from imgvec import Encoder
from imgvec.types import Vector
from tests.support.server.places import CAT, PictureServer, imgvec, server_environment
from tests.unit.cli.said import Environment, assert_sentence, lines_of
from tests.unit.search.conftest import copied


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory.mktemp("search") / "photos")
    (folder / "rocket2").mkdir()
    (folder / "rocket2" / "cat.jpg").write_bytes(CAT.read_bytes())
    return folder


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer, photos: Path
) -> Environment:
    """An index of all photos; no test of this file changes it."""
    given = server_environment(tmp_path_factory.mktemp("data"), pictures)
    done = imgvec("index", str(photos), environment=given)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == ("16 embedded, 0 failed, 0 forgotten, 0 unchanged, 0 damaged as before\n")
    return given


def found_by(environment: Environment, *arguments: str) -> list[tuple[str, float]]:
    """Paths and scores."""
    done = imgvec("search", *arguments, "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    return [(row["path"], row["score"]) for row in lines_of(done.stdout)]


def assert_exact(
    found: list[tuple[str, float]], encoder: Encoder, paths: list[Path], query: Vector, count: int
) -> None:
    """The same as all cosines, sorted."""
    scores = encoder.images(paths) @ query
    order = np.argsort(-scores)[:count]
    assert [path for path, _ in found] == [str(paths[row]) for row in order]
    assert np.allclose([score for _, score in found], scores[order], atol=2e-6)


def unit(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("count", [1, 7, 16, 500])
def test_a_text(environment: Environment, photos: Path, encoder: Encoder, count: int) -> None:
    found = found_by(environment, "a photo of a cat", "-n", str(count))
    paths = sorted(photos.rglob("*.jpg"))
    assert_exact(found, encoder, paths, encoder.texts(["a photo of a cat"])[0], count)
    assert Path(found[0][0]).parent.name in ("chelsea", "rocket2")


def test_an_image_and_a_url_find_the_same(
    environment: Environment, photos: Path, encoder: Encoder, pictures: PictureServer
) -> None:
    found = found_by(environment, str(CAT))
    assert_exact(found, encoder, sorted(photos.rglob("*.jpg")), encoder.images([CAT])[0], 16)
    assert found_by(environment, pictures.url("cat.jpg")) == found


def test_a_sum(environment: Environment, photos: Path, encoder: Encoder) -> None:
    found = found_by(environment, "a cat", "--plus", str(CAT), "--minus", "coffee", "-n", "16")
    cat, coffee = encoder.texts(["a cat", "coffee"])
    query = unit(cat + encoder.images([CAT])[0] - coffee)
    assert_exact(found, encoder, sorted(photos.rglob("*.jpg")), query, 16)


def test_some_folders_only(environment: Environment, photos: Path, encoder: Encoder) -> None:
    inside = ["--in", str(photos / "rocket"), "--in", str(photos / "coffee" / "coffee-0.jpg")]
    found = found_by(environment, "a cat", *inside)
    paths = [*sorted(photos.glob("rocket/*.jpg")), photos / "coffee" / "coffee-0.jpg"]
    assert_exact(found, encoder, paths, encoder.texts(["a cat"])[0], 20)


def test_a_floor(environment: Environment) -> None:
    scores = [score for _, score in found_by(environment, "a cat")]
    kept = found_by(environment, "a cat", "--min", str(scores[4] - 1e-6))
    assert [score for _, score in kept] == scores[:5]
    done = imgvec("search", "a cat", "--min", "0.99", environment=environment)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (f"No photo has a score of 0.99 or more, the best has {scores[0]:.3f}\n")


def test_lines_for_a_person(environment: Environment, photos: Path) -> None:
    done = imgvec("search", str(photos / "coffee" / "coffee-0.jpg"), environment=environment)
    assert done.stdout.splitlines()[0] == f"1.000  {photos / 'coffee' / 'coffee-0.jpg'}"
    assert len(done.stdout.splitlines()) == 16


def test_a_path_that_is_no_file_is_said_to_be_a_text(environment: Environment) -> None:
    done = imgvec("search", "no/such.jpg", environment=environment)
    assert done.returncode == 0
    assert done.stderr == "There is no file no/such.jpg: it is searched for as a text\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a cat", "--minus", "a cat"], "The query is nothing"),
        (["http://169.254.169.254/cat.jpg"], "The image URL may not be fetched"),
        (["a cat", "--in", "/no-such-folder"], "run `imgvec index /no-such-folder` first"),
        (["a cat", "--index", "/no-such-folder"], "There is no index in /no-such-folder"),
    ],
    ids=["nothing", "private", "not indexed", "no index"],
)
def test_a_search_that_cannot_be(environment: Environment, arguments: list[str], said: str) -> None:
    assert_sentence(imgvec("search", *arguments, environment=environment), 2, said)


def test_a_damaged_query(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(CAT.read_bytes()[:99])
    done = imgvec("search", str(tmp_path / "broken.jpg"), environment=environment)
    assert_sentence(done, 2, "broken.jpg: Not a supported image, or a damaged one")


def test_an_index_elsewhere_has_its_own_dimensions(
    environment: Environment, photos: Path, tmp_path: Path
) -> None:
    where = ["--index", str(tmp_path / "small")]
    made = imgvec("index", str(photos), "--dimensions=512", *where, environment=environment)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "small" / "vectors.f32").stat().st_size == 16 * 512 * 4
    again = imgvec("index", str(photos), *where, environment=environment)
    assert "16 unchanged" in again.stderr
    with Encoder("starter", 512) as narrow:
        query = narrow.texts(["a rocket"])[0]
        found = found_by(environment, "a rocket", *where)
        assert_exact(found, narrow, sorted(photos.rglob("*.jpg")), query, 16)

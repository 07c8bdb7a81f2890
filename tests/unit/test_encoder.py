"""`from imgvec import Encoder`: the vectors of the service, in this process."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgvec import Encoder
from imgvec.errors import (
    AddressRefused,
    BadParameter,
    FetchFailed,
    ModelError,
    NotAnImage,
    RequestError,
    TooLarge,
)
from imgvec_models.calibration.feeds import PHOTOS
from tests.support.server.places import CAT, PictureServer, imgvec, server_environment
from tests.unit.cli.said import lines_of


@pytest.fixture(scope="module", autouse=True)
def environment(
    tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer
) -> Iterator[dict[str, str]]:
    """Settings in this process."""
    given = server_environment(tmp_path_factory.mktemp("data"), pictures)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        yield given


@pytest.fixture(scope="module")
def encoder(environment: dict[str, str]) -> Iterator[Encoder]:
    """One for all tests; none of them leaves anything behind in it."""
    with Encoder() as made:
        yield made


def names_of_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("imgvec")]


def test_it_says_what_it_is(encoder: Encoder) -> None:
    assert (encoder.name, encoder.dimensions) == ("starter", 1024)
    assert len(encoder.revision) == 64
    assert repr(encoder) == (f"<Encoder starter dimensions=1024 revision={encoder.revision[:12]}>")


def test_the_command_gives_the_same_bits(encoder: Encoder, environment: dict[str, str]) -> None:
    (row,) = lines_of(imgvec("embed", str(CAT), environment=environment).stdout)
    assert np.array(row["embedding"], np.float32).tobytes() == encoder.images([CAT])[0].tobytes()
    assert row["revision"] == encoder.revision[:12]


def test_every_form_of_an_image(encoder: Encoder, pictures: PictureServer) -> None:
    vectors = encoder.images([CAT, str(CAT), CAT.read_bytes(), pictures.url("cat.jpg")])
    assert (vectors.shape, vectors.dtype) == ((4, 1024), np.dtype(np.float32))
    assert {vector.tobytes() for vector in vectors} == {vectors[0].tobytes()}
    assert abs(np.linalg.norm(vectors[0]) - 1) < 1e-5


def test_order_is_kept_and_a_batch_changes_no_bit(encoder: Encoder) -> None:
    photos = sorted(PHOTOS.glob("*.jpg"))
    alone = [encoder.images([photo])[0] for photo in photos]
    together = encoder.images(iter(photos))
    assert together.tobytes() == np.array(alone).tobytes()


def test_texts_lie_in_the_space_of_the_images(encoder: Encoder) -> None:
    texts = encoder.texts(["a photo of a cat", "a cup of coffee", "a photo of a cat"])
    assert (texts.shape, texts.dtype) == ((3, 1024), np.dtype(np.float32))
    assert texts[0].tobytes() == texts[2].tobytes()
    cat, cup = (texts @ encoder.images([CAT]).T)[:2, 0]
    assert cat > cup


def test_no_inputs_are_no_rows(encoder: Encoder) -> None:
    assert encoder.images([]).shape == encoder.texts([]).shape == (0, 1024)


@pytest.mark.parametrize("dimensions", [512, 768])
def test_dimensions(encoder: Encoder, dimensions: int) -> None:
    with Encoder("starter", dimensions=dimensions) as narrow:
        assert narrow.dimensions == dimensions
        assert narrow.revision == encoder.revision
        assert narrow.images([CAT]).shape == narrow.texts(["a cat"]).shape == (1, dimensions)


def test_dimensions_that_there_are_not() -> None:
    with pytest.raises(BadParameter, match="dimensions must be one of: 512, 768, 1024"):
        Encoder(dimensions=513)


def test_an_unknown_encoder_is_named() -> None:
    with pytest.raises(ModelError, match="no-such"):
        Encoder("no-such")


def test_an_image_that_is_rejected_is_named(
    encoder: Encoder, pictures: PictureServer, tmp_path: Path
) -> None:
    broken, missing = tmp_path / "broken.jpg", pictures.url("no-such.jpg")
    broken.write_bytes(CAT.read_bytes()[:100])
    with pytest.raises(NotAnImage) as damaged:
        encoder.images([CAT, broken])
    assert damaged.value.message == f"{broken}: Not a supported image, or a damaged one"
    with pytest.raises(NotAnImage, match=r"^images\[1\]: Not a supported image"):
        encoder.images([CAT, b"words"])
    with pytest.raises(FetchFailed, match=r"no-such\.jpg: The image could not be downloaded"):
        encoder.images([missing])
    with pytest.raises(AddressRefused):
        encoder.images(["http://169.254.169.254/cat.jpg"])
    with pytest.raises(FileNotFoundError, match=r"no-such\.jpg"):
        encoder.images([tmp_path / "no-such.jpg"])
    with pytest.raises(BadParameter, match=r"^texts\[1\]: "):
        encoder.texts(["a cat", "\ud800"])


def test_a_large_file_is_judged_before_it_is_read(encoder: Encoder, tmp_path: Path) -> None:
    huge = tmp_path / "huge.jpg"
    huge.touch()
    os.truncate(huge, 1 << 40)
    with pytest.raises(TooLarge, match=r"huge\.jpg: "):
        encoder.images([huge])


def test_a_stream_has_each_error_in_its_place(encoder: Encoder, tmp_path: Path) -> None:
    found = list(encoder.each_image([CAT, tmp_path / "none.jpg", b"words", CAT]))
    assert [type(one) for one in found] == [np.ndarray, FileNotFoundError, NotAnImage, np.ndarray]


def test_a_stream_reads_only_a_few_ahead_and_may_be_left(encoder: Encoder) -> None:
    taken = []

    def endless() -> Iterator[Path]:
        while True:
            taken.append(1)
            yield CAT

    stream = encoder.each_image(endless())
    assert not isinstance(next(stream), RequestError | OSError)
    stream.close()
    assert len(taken) < 100
    assert encoder.images([CAT]).shape == (1, 1024)


@pytest.mark.parametrize("given", ["a.jpg", b"bytes", CAT])
def test_one_image_is_no_list(encoder: Encoder, given: Any) -> None:
    with pytest.raises(TypeError, match="images takes a list"):
        encoder.images(given)


def test_it_works_beside_a_running_loop_and_from_threads(encoder: Encoder) -> None:
    expected = encoder.images([CAT]).tobytes()

    async def notebook() -> bytes:
        return encoder.images([CAT]).tobytes()

    assert asyncio.run(notebook()) == expected
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda _: encoder.images([CAT, CAT])[1].tobytes(), range(24))
        assert set(found) == {expected}


def test_closing_ends_the_threads() -> None:
    before = names_of_threads()
    with Encoder() as closed:
        closed.images([CAT])
        assert len(names_of_threads()) > len(before)
    closed.close()
    assert names_of_threads() == before
    with pytest.raises(ValueError, match="The encoder is closed"):
        closed.texts(["a cat"])


def test_a_lost_encoder_closes_itself() -> None:
    before = names_of_threads()
    lost: Encoder | None = Encoder()
    assert lost is not None
    (thread,) = [one for one in threading.enumerate() if one.name == "imgvec-encoder"][-1:]
    lost = None
    gc.collect()
    thread.join(30)
    assert names_of_threads() == before


@pytest.mark.parametrize(
    "code",
    [
        "import imgvec; stream = imgvec.Encoder().each_image([PHOTO] * 64); next(stream)",
        "from imgvec import Encoder; encoder = Encoder(); encoder.images([PHOTO])",
    ],
    ids=["in the middle", "open"],
)
def test_an_exit_waits_for_nothing(code: str) -> None:
    script = code.replace("PHOTO", repr(str(CAT)))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, timeout=60, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_the_package_stays_cheap() -> None:
    script = "import sys, imgvec; print('numpy' in sys.modules, hasattr(imgvec, 'nothing'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "False False\n"

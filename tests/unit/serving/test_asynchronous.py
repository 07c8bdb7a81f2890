"""What asynchronous inference sends to the container: an object's bytes and their type."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import shipped_folder
from imgvec.encoders.sagemaker.client import PIXELS, TEXT, Attributes
from tests.support.aws.asynchronous_runtime import Objects, asynchronous, call
from tests.support.aws.sagemaker_invocations import ASKED, coarse_pictures
from tests.support.server.places import NOBODY, server_environment, start_serving, stop_server

BULK = "s3://images/bulk"


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a serving process."""
    running = start_serving(server_environment(tmp_path_factory.mktemp("asynchronous"), NOBODY))
    yield running.address
    stop_server(running)


@pytest.fixture(scope="module")
def here() -> OnnxEncoder:
    """The same encoder in this process."""
    return OnnxEncoder(shipped_folder() / "starter")


@pytest.fixture
def objects() -> Objects:
    """The bucket."""
    return {}


@pytest.fixture
def runtime(container: str, objects: Objects) -> Iterator[str]:
    """The runtime before the process."""
    with asynchronous(container, objects, f"{BULK}/out") as address:
        yield address


def test_objects_of_pixels_become_objects_of_vectors_and_a_poison_one_fails_alone(
    runtime: str, objects: Objects, here: OnnxEncoder
) -> None:
    photos = coarse_pictures(8, here.image_size)
    given = [f"{BULK}/in/{number}" for number in range(len(photos))]
    objects.update((place, one.tobytes()) for place, one in zip(given, photos, strict=True))
    objects[given[3]] = objects[given[3]][:-1]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda place: call(runtime, place, PIXELS, ASKED), given))
    for number, (output, failure) in enumerate(told):
        if number == 3:
            assert output not in objects
            assert set(orjson.loads(objects[failure])) == {"error"}
        else:
            expected = here.encode_image(photos[number], 1024).astype("<f4").tobytes()
            assert objects[output] == expected
            assert failure not in objects


def test_an_object_of_text(runtime: str, objects: Objects, here: OnnxEncoder) -> None:
    objects[f"{BULK}/in/text"] = orjson.dumps("a cat")
    output, _ = call(runtime, f"{BULK}/in/text", TEXT, ASKED)
    assert objects[output] == here.encode_text("a cat", 1024)[0].astype("<f4").tobytes()


@pytest.mark.parametrize(
    ("media_type", "asked"),
    [
        pytest.param("image/jpeg", ASKED, id="an image file"),
        pytest.param(PIXELS, str(Attributes("0" * 64, 1024)), id="another revision"),
    ],
)
def test_what_is_refused_has_its_reason_among_the_failures(
    runtime: str, objects: Objects, here: OnnxEncoder, media_type: str, asked: str
) -> None:
    objects[f"{BULK}/in/0"] = coarse_pictures(1, here.image_size)[0].tobytes()
    output, failure = call(runtime, f"{BULK}/in/0", media_type, asked)
    assert output not in objects
    assert set(orjson.loads(objects[failure])) == {"error"}

"""The serving container's process, as SageMaker starts and asks it: over HTTP, on the CPU."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import numpy as np
import onnx
import orjson
import pytest
from onnx import TensorProto, helper, numpy_helper

from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.manifest import File, Manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import shipped_folder
from imgvec.encoders.sagemaker.client import HEADER, PIXELS, TEXT, Attributes
from imgvec.errors import InternalFault
from imgvec.types import Pixels
from imgvec_models.hub.files import measure
from tests.support.aws.sagemaker_invocations import coarse_pictures, invoke
from tests.support.server.places import (
    NOBODY,
    Running,
    server_environment,
    start_serving,
    stop_server,
)

STARTER = shipped_folder() / "starter"
SIDE = 260
REVISION = read_manifest(STARTER).revision
ASKED = str(Attributes(REVISION, 1024))


@pytest.fixture(scope="module")
def here() -> OnnxEncoder:
    """The same encoder in this process."""
    return OnnxEncoder(STARTER)


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[tuple[Running, httpx2.Client]]:
    """A serving process with these settings, and a client of it."""
    environment = {**server_environment(data, NOBODY), **settings}
    running = start_serving(environment)
    limits = httpx2.Limits(max_connections=64)
    try:
        with httpx2.Client(
            base_url=running.address, timeout=60, trust_env=False, limits=limits
        ) as client:
            yield running, client
    finally:
        stop_server(running)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A client of a serving process with the starter."""
    with serving(tmp_path_factory.mktemp("serving")) as (_, found):
        yield found


def pictures(count: int) -> list[Pixels]:
    """Different pictures of the starter's size."""
    return coarse_pictures(count, SIDE)


def test_ping(client: httpx2.Client) -> None:
    assert client.get("/ping").status_code == 200


def test_images_alone_and_in_batches_are_the_same_bits(
    client: httpx2.Client, here: OnnxEncoder
) -> None:
    """The starter's integers add up to the same in any order, and so do CLIP's."""
    photos = pictures(64)
    with ThreadPoolExecutor(32) as pool:
        together = list(pool.map(lambda one: invoke(client, one.tobytes()).content, photos))
    alone = [here.encode_image(one, 1024).astype("<f4").tobytes() for one in photos]
    assert together == alone


def test_texts_are_the_same_bits_whatever_is_asked_beside_them(
    client: httpx2.Client, here: OnnxEncoder
) -> None:
    texts = ["a cat", "a photo of a dog on a mat", "", "一只猫", "\0"] * 6
    with ThreadPoolExecutor(32) as pool:
        together = list(pool.map(lambda one: invoke(client, orjson.dumps(one), TEXT), texts))
    for text, response in zip(texts, together, strict=True):
        vector, tokens = here.encode_text(text, 1024)
        assert response.content == vector.astype("<f4").tobytes()
        assert Attributes.parse(response.headers[HEADER]).count == tokens


def test_a_poison_body_among_31_good_ones_fails_alone(client: httpx2.Client) -> None:
    bodies = [one.tobytes() for one in pictures(32)]
    bodies[13] = bodies[13][:-1]
    with ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(lambda body: invoke(client, body).status_code, bodies))
    assert statuses.pop(13) == 400
    assert set(statuses) == {200}


@pytest.mark.parametrize(
    ("body", "media_type", "asked", "status"),
    [
        pytest.param(b"", PIXELS, ASKED, 400, id="no pixels"),
        pytest.param(bytes(3 * SIDE * SIDE + 1), PIXELS, ASKED, 413, id="too many pixels"),
        pytest.param(b'{"a": 1}', TEXT, ASKED, 400, id="JSON, but no string"),
        pytest.param(b'"a', TEXT, ASKED, 400, id="no JSON"),
        pytest.param(b'"' + b"a" * 1_000_000 + b'"', TEXT, ASKED, 413, id="too long a text"),
        pytest.param(b"x", "image/jpeg", ASKED, 415, id="an image file"),
        pytest.param(b"x", PIXELS, "", 400, id="nothing asked"),
        pytest.param(b"x", PIXELS, f"revision={'0' * 64};count=512", 409, id="another revision"),
        pytest.param(b"x", PIXELS, f"revision={REVISION};count=3", 400, id="no space"),
    ],
)
def test_what_is_refused(
    client: httpx2.Client, body: bytes, media_type: str, asked: str, status: int
) -> None:
    response = invoke(client, body, media_type, asked)
    assert response.status_code == status
    assert set(response.json()) == {"error"}


def test_a_full_queue_refuses_and_loses_nothing(tmp_path: Path, here: OnnxEncoder) -> None:
    photos = pictures(40)
    settings = {"IMGVEC_BATCH_QUEUE": "2", "IMGVEC_BATCH_SIZE": "1"}
    with serving(tmp_path, **settings) as (_, client), ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda one: invoke(client, one.tobytes()), photos))
    assert {answer.status_code for answer in answers} == {200, 503}
    for photo, answer in zip(photos, answers, strict=True):
        if answer.status_code == 200:
            assert answer.content == here.encode_image(photo, 1024).astype("<f4").tobytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_who_is_at_work_when_it_is_asked_to_stop_gets_an_answer(
    tmp_path: Path, number: signal.Signals
) -> None:
    body = pictures(1)[0].tobytes()
    with serving(tmp_path) as (running, client), ThreadPoolExecutor(24) as pool:
        assert client.get("/ping").status_code == 200
        under_way = [pool.submit(invoke, client, body) for _ in range(24)]
        under_way[0].result()
        running.process.send_signal(number)
        told = [call.exception() or call.result().status_code for call in under_way]
        assert running.process.wait(timeout=30) == 0
    # Who had no connection yet is turned away by the kernel, and may go elsewhere.
    assert all(one == 200 or isinstance(one, httpx2.ConnectError) for one in told)
    assert told.count(200) > 1


def test_who_has_connected_and_was_not_read_yet_gets_an_answer(tmp_path: Path) -> None:
    body = pictures(1)[0].tobytes()
    with serving(tmp_path) as (running, client), ThreadPoolExecutor(4) as pool:
        assert invoke(client, body).status_code == 200
        running.process.send_signal(signal.SIGSTOP)
        # Taken by the kernel alone; and when the process wakes, everything is due at once.
        waiting = [pool.submit(invoke, client, body) for _ in range(4)]
        time.sleep(0.5)
        running.process.terminate()
        running.process.send_signal(signal.SIGCONT)
        assert [call.result().status_code for call in waiting] == [200] * 4
        assert running.process.wait(timeout=30) == 0


def test_an_accelerator_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "imgvec.sagemaker_container", "serve", "--port", "0"],
        env={**server_environment(tmp_path, NOBODY), "IMGVEC_PROVIDER": "cuda"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: IMGVEC_PROVIDER=cuda is not to be had here")
    assert done.stderr.count("\n") == 1


def poisonable(folder: Path) -> Path:
    """The starter, but for an image graph that has no number for a black picture."""
    shutil.copytree(STARTER, folder)
    random = np.random.default_rng(0)
    weights = numpy_helper.from_array(random.normal(size=(3, 1024)).astype(np.float32), "weights")
    dark = numpy_helper.from_array(np.array([-0.1], np.float32), "dark")
    axes = numpy_helper.from_array(np.array([2, 3]), "axes")
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["pixel_values", "axes"], ["means"], keepdims=0),
            helper.make_node("Add", ["means", "dark"], ["shifted"]),
            helper.make_node("Log", ["shifted"], ["logs"]),
            helper.make_node("MatMul", ["logs", "weights"], ["embedding"]),
        ],
        "poisonable",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 1024])],
        [weights, dark, axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path = folder / "image.int8.onnx"
    path.unlink()
    onnx.save(model, path)
    found = measure(path)
    manifest = read_manifest(folder)
    image = File(path=path.name, size=found.size, sha256=found.sha256)
    files = manifest.files.model_copy(update={"image": image})
    changed: Manifest = manifest.model_copy(update={"files": files})
    (folder / "manifest.json").write_text(changed.model_dump_json())
    return folder


def test_an_image_without_a_vector_fails_alone_in_its_batch(tmp_path: Path) -> None:
    encoder = OnnxEncoder(poisonable(tmp_path / "starter"))
    batch = [(pixels // 4 + 191, 1024) for pixels in pictures(32)]
    batch[13] = (np.zeros((SIDE, SIDE, 3), np.uint8), 1024)
    told = encoder.encode_images(batch)
    assert isinstance(told.pop(13), InternalFault)
    assert all(isinstance(vector, np.ndarray) for vector in told)


def test_images_of_several_spaces_share_a_batch(here: OnnxEncoder) -> None:
    wanted = [(one, width) for one in pictures(2) for width in (512, 768, 1024)]
    for (pixels, width), vector in zip(wanted, here.encode_images(wanted), strict=True):
        assert isinstance(vector, np.ndarray)
        assert vector.tobytes() == here.encode_image(pixels, width).tobytes()

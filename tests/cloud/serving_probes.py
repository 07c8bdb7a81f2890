"""The serving image as SageMaker runs it: in part what its process is asked in `make test`, and
what only a container does.

Named so that `make test` passes it by: it needs a container engine and the image, which `make
test-endpoint-container` and `make test-cloud` make.
"""

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx2
import numpy as np
import pytest

from imgvec.encoders.integrity import MANIFEST
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import shipped_folder
from imgvec.encoders.sagemaker.client import HEADER, PIXELS, Attributes
from tests.support.aws.sagemaker_invocations import ASKED, coarse_pictures, invoke
from tests.support.aws.serving_container import docker, run_command, serving_models, start_named
from tests.support.server.places import Running, stop_server

STARTER: Final = shipped_folder() / "starter"
BAKED: Final = "/opt/imgvec/models/starter"
ALONE: Final = "--network=none"
BOTH: Final = {"IMGVEC_ENCODERS": "clip-vit-b32,starter"}
NEAR: Final = 0.99999
"""Cosine of a float16 vector to the same in other company; a GPU should keep it too."""
ASK_ITSELF: Final = f"""
import sys, urllib.request
body = sys.stdin.buffer.read()
headers = {{"Content-Type": "{PIXELS}", "{HEADER}": "{ASKED}"}}
request = urllib.request.Request("http://127.0.0.1:8080/invocations", body, headers)
sys.stdout.buffer.write(urllib.request.urlopen(request).read())
"""


@pytest.fixture(scope="module")
def here() -> OnnxEncoder:
    """The starter in this process."""
    return OnnxEncoder(STARTER)


@pytest.fixture(scope="module")
def clip() -> OnnxEncoder:
    """The CLIP that is in the image, in this process."""
    return OnnxEncoder(serving_models() / "clip-vit-b32")


@pytest.fixture(scope="module")
def container() -> Iterator[Running]:
    """A container with both encoders, named `probed`."""
    running = start_named("probed", **BOTH)
    yield running
    stop_server(running)


def client_of(running: Running) -> httpx2.Client:
    """A client for many at once."""
    limits = httpx2.Limits(max_connections=64)
    return httpx2.Client(base_url=running.address, timeout=60, trust_env=False, limits=limits)


@pytest.fixture(scope="module")
def client(container: Running) -> Iterator[httpx2.Client]:
    """A client of it."""
    with client_of(container) as found:
        yield found


def inside(script: str, data: bytes = b"", name: str = "probed") -> bytes:
    """What a script prints that runs inside a container."""
    done = docker("exec", "-i", name, "python3", "-c", script, data=data)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ping(client: httpx2.Client) -> None:
    assert client.get("/ping").status_code == 200


def test_it_is_nobody_and_may_change_nothing_of_the_image(container: Running) -> None:
    """By its files' own rights: the probe does not count that they are read-only here."""
    writable = """
import os
print(os.getuid())
for folder, _, files in os.walk("/opt"):
    for path in [folder, *(os.path.join(folder, name) for name in files)]:
        if os.stat(path).st_uid == os.getuid() or os.stat(path).st_mode & 0o022:
            print(path)
"""
    assert inside(writable).split() == [b"65534"]


def test_it_needs_no_network(here: OnnxEncoder) -> None:
    pixels = coarse_pictures(1, here.image_size)[0]
    command = run_command("isolated", ALONE, **BOTH)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert "answers on" in process.stderr.readline()
            answer = inside(ASK_ITSELF, pixels.tobytes(), "isolated")
        finally:
            process.terminate()
    assert answer == here.encode_image(pixels, 1024).astype("<f4").tobytes()


def test_the_starters_images_are_the_same_bits_alone_in_batches_and_here(
    client: httpx2.Client, here: OnnxEncoder
) -> None:
    photos = [one.tobytes() for one in coarse_pictures(32, here.image_size)]
    alone = [invoke(client, one).content for one in photos]
    with ThreadPoolExecutor(32) as pool:
        together = list(pool.map(lambda one: invoke(client, one).content, photos))
    assert together == alone
    expected = here.encode_images([(one, 1024) for one in coarse_pictures(32, here.image_size)])
    assert alone == [np.asarray(vector, "<f4").tobytes() for vector in expected]


@pytest.mark.parametrize("dimensions", [512, 768, 1024])
def test_clips_images_are_the_same_alone_and_in_batches(
    client: httpx2.Client, clip: OnnxEncoder, dimensions: int
) -> None:
    asked = str(Attributes(clip.revision, dimensions))
    photos = coarse_pictures(32, clip.image_size)

    def vector(one: bytes) -> bytes:
        return invoke(client, one, asked=asked).raise_for_status().content

    alone = [np.frombuffer(vector(one.tobytes()), "<f4") for one in photos]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(vector, [one.tobytes() for one in photos]))
    together = [np.frombuffer(one, "<f4") for one in answers]
    for pixels, one, other in zip(photos, alone, together, strict=True):
        assert float(one @ other) > NEAR
        assert float(one @ clip.encode_image(pixels, dimensions)) > NEAR


def test_a_poison_body_among_31_good_ones_fails_alone(
    client: httpx2.Client, here: OnnxEncoder
) -> None:
    bodies = [one.tobytes() for one in coarse_pictures(32, here.image_size)]
    bodies[13] = bodies[13][:-1]
    with ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(lambda body: invoke(client, body).status_code, bodies))
    assert statuses.pop(13) == 400
    assert set(statuses) == {200}


def test_who_is_at_work_when_it_is_asked_to_stop_gets_an_answer(here: OnnxEncoder) -> None:
    body = coarse_pictures(1, here.image_size)[0].tobytes()
    running = start_named("stopped", IMGVEC_ENCODERS="starter")
    with client_of(running) as client, ThreadPoolExecutor(24) as pool:
        assert client.get("/ping").status_code == 200
        under_way = [pool.submit(invoke, client, body) for _ in range(24)]
        under_way[0].result()
        assert docker("kill", "--signal=TERM", "stopped").returncode == 0
        told = [call.exception() or call.result().status_code for call in under_way]
    stop_server(running)
    assert running.process.returncode == 0
    assert all(one == 200 or isinstance(one, httpx2.ConnectError) for one in told)
    assert told.count(200) > 1


def test_asked_to_stop_while_it_starts_it_ends() -> None:
    """The first process of a container takes no signal before it has asked for it."""
    command = run_command("early", ALONE, **BOTH)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None:
            assert time.monotonic() < deadline
            docker("kill", "--signal=TERM", "early")
        assert process.stderr is not None
        assert (process.returncode, process.stderr.read()) == (0, "")


@pytest.mark.parametrize(
    ("settings", "altered", "says"),
    [
        pytest.param({"IMGVEC_ENCODERS": "absent"}, "", "names absent", id="no such encoder"),
        pytest.param({"IMGVEC_PROVIDER": "cuda"}, "", "not to be had", id="no GPU"),
        pytest.param({}, MANIFEST, "manifest.json", id="a broken manifest"),
        pytest.param({}, "image.int8.onnx", "image.int8.onnx", id="an altered graph"),
    ],
)
def test_what_is_wrong_with_it_is_a_sentence_and_the_end(
    tmp_path: Path, settings: dict[str, str], altered: str, says: str
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("{}")
    options = [ALONE, *([f"--volume={broken}:{BAKED}/{altered}:ro"] if altered else [])]
    done = subprocess.run(
        run_command("broken", *options, **{"IMGVEC_ENCODERS": "starter", **settings}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    *before, sentence = done.stderr.splitlines()
    assert sentence.startswith("Error: ")
    assert says in sentence
    # The image for GPUs: its runtime names the driver that it misses.
    assert all("[E:onnxruntime" in line for line in before)

"""Bulk jobs end to end on the emulator: the machine of the template over the real functions."""

import io
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import parquet

from imgvec.bulk.bucket import BucketJob
from imgvec.types import Quota
from imgvec_models.calibration.feeds import PHOTOS
from tests.support.aws.bulk_stack import POINTS, SERVICES, BulkStack, bulk_stack
from tests.support.aws.ministack import MINISTACK, emulated
from tests.support.server.places import NOBODY, server_environment

IMAGES, BAD = 500, 7
LARGE = Quota(daily=1_000_000)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BulkStack]:
    """A stack with 500 photos in its bucket, and seven files that are none."""
    if not MINISTACK.exists():
        pytest.skip("`make emulator` installs one")
    folder = tmp_path_factory.mktemp("bulk")
    with (
        emulated(folder / "log.txt", SERVICES) as variables,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
        environment = {**server_environment(folder / "data", NOBODY), **variables}
        with bulk_stack(f"imgvec-{uuid.uuid4().hex[:8]}", folder, environment) as stack:
            photos = sorted(PHOTOS.glob("*.jpg"))
            for number in range(IMAGES):
                data = photos[number % len(photos)].read_bytes()
                stack.objects.write(f"photos/{number:04}.jpg", data)
            for number in range(BAD):
                stack.objects.write(f"photos/{number * 60:04}-bad.jpg", b"no image")
            for number in range(100):
                stack.objects.write(f"few/{number:04}.jpg", photos[number % 50].read_bytes())
            yield stack


def source(stack: BulkStack, folder: str) -> str:
    """A prefix of the bucket."""
    return f"s3://{stack.objects.bucket}/{folder}/"


def ended(stack: BulkStack, job: str) -> str:
    """The state of a job when its executions have ended."""
    return stack.run("status", job, "--watch")


def in_parts(job: BucketJob) -> int:
    """Rows of all parts; no image is in two."""
    paths = [
        path
        for key in job.objects.keys(job.key("parts/"))
        for path in parquet.read_table(io.BytesIO(job.objects.read(key) or b""))
        .column(1)
        .to_pylist()
    ]
    assert len(set(paths)) == len(paths)
    return len(paths)


def test_five_hundred_images_with_functions_that_die(stack: BulkStack, tmp_path: Path) -> None:
    stack.give(LARGE)
    for number, point in enumerate(POINTS):
        stack.die(point, f"{number * 4:05}")
    before = stack.counted()
    job = stack.start(source(stack, "photos"))

    assert ended(stack, job) == (
        "completed: 26 of 26 chunks, 500 images embedded and counted, 7 without a vector, of 507"
    )

    assert not list(stack.deaths.iterdir())
    assert stack.counted() - before == in_parts(stack.job(job)) == IMAGES
    stack.run("resume", job)
    ended(stack, job)
    assert stack.counted() - before == IMAGES
    stack.run("fetch", job, str(tmp_path / "vectors"))
    assert parquet.read_table(tmp_path / "vectors").num_rows == IMAGES
    assert (tmp_path / "vectors" / "_SUCCESS").exists()


def test_two_executions_at_once(stack: BulkStack) -> None:
    stack.give(LARGE)
    before = stack.counted()
    job = stack.start(source(stack, "few"))
    stack.run("resume", job)
    assert ended(stack, job).startswith("completed: 5 of 5 chunks, 100 images")
    assert stack.counted() - before == in_parts(stack.job(job)) == 100


def test_cancel_and_resume(stack: BulkStack) -> None:
    stack.give(LARGE)
    before = stack.counted()
    job = stack.start(source(stack, "photos"))
    while not stack.job(job).parts():
        time.sleep(0.2)
    stack.run("cancel", job)
    state = ended(stack, job)
    assert state.startswith("cancelled: ")
    # Chunks at work end by themselves.
    quiet = threading.Event()
    seen = -1
    while seen != (seen := in_parts(stack.job(job))):
        quiet.wait(5)
    assert 0 < seen < IMAGES
    assert stack.counted() - before == seen
    stack.run("resume", job)
    assert ended(stack, job).startswith("completed: 26 of 26 chunks, 500 images")
    assert stack.counted() - before == in_parts(stack.job(job)) == IMAGES


def test_a_quota_that_is_spent_in_the_middle(stack: BulkStack) -> None:
    before = stack.counted()
    stack.give(Quota(daily=before + 50))
    job = stack.start(source(stack, "few"))
    assert ended(stack, job).startswith("incomplete (quota): 2 of 5 chunks, 40 images")
    assert stack.counted() - before == in_parts(stack.job(job)) == 40
    stack.give(LARGE)
    stack.run("resume", job)
    assert ended(stack, job).startswith("completed: 5 of 5 chunks, 100 images")
    assert stack.counted() - before == in_parts(stack.job(job)) == 100

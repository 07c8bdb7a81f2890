"""Chunks of a job in a bucket: whatever dies or overtakes, as many are counted as lie in parts."""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from itertools import count

import numpy as np
import orjson
import pytest
from pyarrow import parquet

from imgvec.bulk.bucket import BucketJob
from imgvec.errors import BulkError
from imgvec.types import Quota
from imgvec_models.calibration.feeds import PHOTOS
from tests.support.aws.dynamodb import Emulator
from tests.support.bulk.chunk_bench import Bench, Died, Moment, opened

FILES = {one.name: one.read_bytes() for one in sorted(PHOTOS.glob("*.jpg"))[:3]}
BAD = {"zz-text.jpg": b"no image"}
LAST = sorted(FILES)[-1]


@pytest.fixture(scope="module")
def bench(aws: dict[str, str], dynamodb: Emulator) -> Iterator[Bench]:
    """A bench whose chunks have four rows."""
    with opened(dynamodb.new_table(), 4) as bench:
        yield bench


def new_job(bench: Bench) -> BucketJob:
    """A job of one chunk: three photos, and a file that is none."""
    return bench.job(bench.photos(FILES | BAD))


def in_parts(job: BucketJob) -> int:
    """Rows of the parts, which their metadata says too."""
    total = 0
    for key in job.objects.keys(job.key("parts/")):
        rows = parquet.read_table(io.BytesIO(job.objects.read(key) or b"")).num_rows
        assert rows == job.objects.images(key)
        total += rows
    return total


def moments() -> Iterator[Moment]:
    """The moments between two calls of stores, until an attempt has none left."""
    for at in count(1):
        moment = Moment(at)
        yield moment
        if not moment.reached:
            return


def test_a_chunk_is_written_and_counted_once(bench: Bench) -> None:
    job = new_job(bench)
    (row,) = job.rows()
    before = bench.counted()
    assert [bench.embed(job, row).images for _ in range(3)] == [3, 3, 3]
    assert bench.counted() - before == in_parts(job) == 3
    table = parquet.read_table(io.BytesIO(job.objects.read(job.part("00000")) or b"")).to_pylist()
    assert [one["id"] for one in table] == ["0", "1", "2"]
    assert [one["image_path"].rpartition("/")[2] for one in table] == sorted(FILES)
    norms = [float(np.linalg.norm(np.array(one["embedding"], np.float32))) for one in table]
    assert norms == pytest.approx([1, 1, 1], abs=1e-5)
    (failure,) = (job.objects.read(job.errors("00000")) or b"").splitlines()
    assert orjson.loads(failure)["error"].startswith("Not a supported image, or a damaged one")


def test_a_death_at_any_moment_counts_what_is_in_the_parts(bench: Bench) -> None:
    died = 0
    for moment in moments():
        job, before = new_job(bench), bench.counted()
        (row,) = job.rows()
        with suppress(Died):
            bench.embed(job, row, moment)
        died += moment.dead
        if in_parts(job) == 0:
            assert bench.counted() == before
        assert bench.embed(job, row).images == 3
        # At once: a retry waits for no reservation to expire, and leaves none.
        assert bench.counted_now() - before == in_parts(job) == 3
        assert bench.taken() == bench.counted_now() == bench.counted()
    assert died > 10


def second(bench: Bench, job: BucketJob, moment: Moment | None = None) -> Callable[[], None]:
    """Another attempt, which finds one photo less, so that its number of images is another."""

    def run() -> None:
        bench.host.objects.delete(f"photos/{LAST}")
        with suppress(Died):
            bench.embed(job, next(job.rows()), moment, place=1)

    return run


@pytest.mark.parametrize("dies", [False, True])
def test_an_attempt_that_is_overtaken_counts_what_is_in_the_parts(bench: Bench, dies: bool) -> None:
    for moment in moments():
        job, before = new_job(bench), bench.counted()
        moment.happens, moment.dies = second(bench, job), dies
        with suppress(Died):
            bench.embed(job, next(job.rows()), moment)
        bench.embed(job, next(job.rows()))
        assert bench.counted() - before == in_parts(job) > 0
        assert bench.taken() == bench.counted()


@pytest.mark.parametrize("method", ["write_new", "replace_record", "settle"])
def test_an_attempt_goes_on_after_another_has_died(bench: Bench, method: str) -> None:
    """The first waits before it writes or counts; the second dies at any moment."""
    for inner in moments():
        job, before = new_job(bench), bench.counted()
        first = Moment(1, method, second(bench, job, inner), dies=False)
        bench.embed(job, next(job.rows()), first)
        bench.embed(job, next(job.rows()))
        assert bench.counted() - before == in_parts(job) > 0
        assert bench.taken() == bench.counted()


def test_a_spent_quota_writes_nothing(bench: Bench) -> None:
    source = bench.photos(FILES | BAD)
    before = bench.counted()
    job = bench.job(source, Quota(daily=before + 2))
    (row,) = job.rows()
    assert bench.embed(job, row).outcome == "quota"
    assert (in_parts(job), bench.counted()) == (0, before)
    assert replace(job.summary(), rows=0) == replace(
        job.summary(), status="incomplete", reason="quota", done=0, images=0, rows=0
    )
    job = bench.job(source, Quota(daily=before + 3))
    assert bench.embed(job, next(job.rows())).images == 3


def test_a_chunk_without_images_has_an_empty_part(bench: Bench) -> None:
    job, before = bench.job(bench.photos(BAD, "none")), bench.counted()
    assert bench.embed(job, next(job.rows())).images == 0
    assert bench.counted() == before
    assert (job.summary().status, job.summary().failed) == ("completed", 1)


def test_a_cancelled_job_embeds_nothing(bench: Bench) -> None:
    job = new_job(bench)
    job.flag("cancelled")
    assert bench.embed(job, next(job.rows())).outcome == "cancelled"
    assert (in_parts(job), job.summary().status) == (0, "cancelled")


def test_a_consumer_that_is_being_deleted_counts_no_more(bench: Bench) -> None:
    job, before = new_job(bench), bench.counted()
    job.save("job.json", replace(job.terms(), consumer="leaver"))
    bench.host.store.add_consumer("leaver")
    bench.host.store.begin_deletion("leaver", "leaver~2026-11-30-abcdef")
    for _ in range(2):
        with pytest.raises(BulkError, match="The consumer leaver was deleted"):
            bench.embed(job, next(job.rows()))
        bench.host.store.end_deletion("leaver", None)
    assert (in_parts(job), bench.counted()) == (0, before)
    assert bench.host.store.usage("leaver", date.min, date.max) == []


def test_another_encoder_is_an_error(bench: Bench) -> None:
    job = new_job(bench)
    planned = job.planned()
    assert planned is not None
    job.objects.delete(job.key("plan.json"))
    job.keep_plan(replace(planned, revision="0" * 64))
    with pytest.raises(BulkError, match="The encoder has changed"):
        bench.embed(job, next(job.rows()))


def test_a_job_that_is_too_old_to_be_counted_once_ends(bench: Bench) -> None:
    job = new_job(bench)
    terms = job.terms()
    job.save("job.json", replace(terms, created=terms.created - 29 * 24 * 3600))
    with pytest.raises(BulkError, match="older than 28 days"):
        bench.embed(job, next(job.rows()))

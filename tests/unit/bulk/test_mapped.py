"""Chunks of a job in a bucket: whatever dies or overtakes, as many are counted as lie in parts."""

import io
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

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
    """Every moment before and after a call, until an attempt has none left."""
    for after in (False, True):
        at, last = 0, Moment(1)
        last.reached = True
        while last.reached:
            at += 1
            last = Moment(at, after)
            yield last


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
    assert orjson.loads(failure)["error"] == "Not a supported image, or a damaged one"


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
        assert bench.counted() - before == in_parts(job) == 3
        assert bench.taken() == bench.counted()
    assert died > 20


@pytest.mark.parametrize("dies", [False, True])
def test_an_attempt_that_is_overtaken_counts_what_is_in_the_parts(bench: Bench, dies: bool) -> None:
    """The second attempt finds one photo less, so the two have other numbers of images."""
    for moment in moments():
        job, before = new_job(bench), bench.counted()
        (row,) = job.rows()

        def overtake(job: BucketJob = job) -> None:
            bench.host.objects.delete(f"photos/{LAST}")
            bench.embed(job, next(job.rows()), place=1)

        moment.happens, moment.dies = overtake, dies
        with suppress(Died):
            bench.embed(job, row, moment)
        bench.embed(job, row)
        assert bench.counted() - before == in_parts(job) > 0
        assert bench.taken() == bench.counted()


def test_two_attempts_that_die_at_random_count_what_is_in_the_parts(bench: Bench) -> None:
    chance = random.Random(7)
    for _ in range(40):
        job, before = new_job(bench), bench.counted()
        (row,) = job.rows()
        inner = Moment(chance.randint(1, 18), chance.random() < 0.5)

        def overtake(job: BucketJob = job, inner: Moment = inner) -> None:
            with suppress(Died):
                bench.embed(job, next(job.rows()), inner, place=1)

        outer = Moment(chance.randint(1, 18), chance.random() < 0.5, overtake)
        outer.dies = chance.random() < 0.5
        with suppress(Died):
            bench.embed(job, row, outer)
        bench.embed(job, row)
        assert bench.counted() - before == in_parts(job) == 3
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


def test_another_encoder_is_an_error(bench: Bench) -> None:
    job = new_job(bench)
    planned = job.planned()
    assert planned is not None
    job.save("plan.json", replace(planned, revision="0" * 64))
    with pytest.raises(BulkError, match="The encoder has changed"):
        bench.embed(job, next(job.rows()))


def test_a_job_that_is_too_old_to_be_counted_once_ends(bench: Bench) -> None:
    job = new_job(bench)
    terms = job.terms()
    job.save("job.json", replace(terms, created=terms.created - 29 * 24 * 3600))
    with pytest.raises(BulkError, match="older than 28 days"):
        bench.embed(job, next(job.rows()))

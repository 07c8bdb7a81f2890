"""Plans of jobs in a bucket: lists, prefixes and tars there, divided into chunks and frozen."""

import io
import json
import tarfile
from collections.abc import Iterator

import pyarrow
import pytest
from pyarrow import parquet

from imgvec.bulk.bucket import BucketJob
from imgvec.errors import BulkError
from imgvec_models.calibration.feeds import PHOTOS
from tests.support.aws.dynamodb import Emulator
from tests.support.bulk.chunk_bench import Bench, opened

NAMES = [one.name for one in sorted(PHOTOS.glob("*.jpg"))[:5]]
FILES = {name: (PHOTOS / name).read_bytes() for name in NAMES}


@pytest.fixture(scope="module")
def bench(aws: dict[str, str], dynamodb: Emulator) -> Iterator[Bench]:
    """A bench whose chunks have two rows, with five photos in its bucket."""
    with opened(dynamodb.new_table(), 2) as bench:
        bench.photos(FILES)
        yield bench


def in_parquet() -> bytes:
    """A list as Parquet."""
    file = io.BytesIO()
    ids = [f"n{place}" for place in range(len(NAMES))]
    table = pyarrow.table({"id": ids, "path": [f"photos/{name}" for name in NAMES]})
    parquet.write_table(table, file)
    return file.getvalue()


LISTS = {
    "list.txt": "".join(f"photos/{name}\n" for name in NAMES).encode(),
    "list.csv": b"id,path\n"
    + "".join(f'"n{place}",photos/{name}\n' for place, name in enumerate(NAMES)).encode(),
    "list.jsonl": "".join(
        json.dumps({"id": f"n{place}", "path": f"photos/{name}"}) + "\n"
        for place, name in enumerate(NAMES)
    ).encode(),
    "list.parquet": in_parquet(),
}


def embedded(bench: Bench, job: BucketJob) -> list[tuple[str, str]]:
    """Id and path of all rows, when all chunks are embedded."""
    found = []
    for row in job.rows():
        assert bench.embed(job, row).outcome == "done"
        table = parquet.read_table(io.BytesIO(job.objects.read(job.part(row.chunk)) or b""))
        found += [(one["id"], one["image_path"]) for one in table.to_pylist()]
    assert job.summary().status == "completed"
    return found


@pytest.mark.parametrize("name", LISTS)
def test_lists(bench: Bench, name: str) -> None:
    bench.host.objects.write(name, LISTS[name])
    job = bench.job(f"s3://{bench.bucket}/{name}")
    assert [row.rows for row in job.rows()] == [2, 2, 1]
    ids = "{}" if name.endswith("txt") else "n{}"
    assert embedded(bench, job) == [
        (ids.format(place), f"s3://{bench.bucket}/photos/{photo}")
        for place, photo in enumerate(NAMES)
    ]


def test_a_prefix_with_a_tar(bench: Bench) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in FILES.items():
            member = tarfile.TarInfo(f"in/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    bench.host.objects.write("mixed/a.jpg", FILES[NAMES[0]])
    bench.host.objects.write("mixed/b.tar", file.getvalue())
    job = bench.job(f"s3://{bench.bucket}/mixed/")
    tar_path = f"s3://{bench.bucket}/mixed/b.tar"
    assert embedded(bench, job) == [
        ("0", f"s3://{bench.bucket}/mixed/a.jpg"),
        *((f"in/{name.removesuffix('.jpg')}", f"{tar_path}/in/{name}") for name in NAMES),
    ]


def test_a_plan_is_frozen(bench: Bench) -> None:
    source = bench.photos(FILES, "growing")
    job = bench.job(source)
    bench.photos({"zz.jpg": FILES[NAMES[0]]}, "growing")
    bench.host.plan(job.name)
    assert sum(row.rows for row in job.rows()) == len(NAMES)


def test_of_two_plans_made_at_once_the_first_holds(bench: Bench) -> None:
    source = bench.photos(FILES, "twice")
    job = bench.job(source)
    first = job.planned()
    assert first is not None
    job.objects.delete(job.key("plan.json"))
    bench.photos({"00.jpg": FILES[NAMES[0]]}, "twice")
    bench.host.plan(job.name)
    second = job.planned()
    assert second is not None
    assert (first.rows, second.rows) == (len(NAMES), len(NAMES) + 1)
    assert job.keep_plan(first) == second
    assert sum(row.rows for row in job.rows()) == second.rows
    # No file of either plan is in the place of one of the other.
    assert len(list(job.objects.keys(job.key("plan/")))) == 4


def test_an_object_that_is_gone_or_too_large_is_a_failure(bench: Bench) -> None:
    large = b"\xff\xd8\xff" + bytes(10_000_001)
    bench.host.objects.write("odd/large.jpg", large)
    bench.host.objects.write("odd.txt", b"odd/gone.jpg\nodd/large.jpg\ns3://no-bucket/a.jpg\n")
    job = bench.job(f"s3://{bench.bucket}/odd.txt")
    assert embedded(bench, job) == []
    errors = [
        json.loads(line)["error"]
        for row in job.rows()
        for line in (job.objects.read(job.errors(row.chunk)) or b"").splitlines()
    ]
    assert errors == [
        "There is no such object",
        "The image is over the limit of 10,000,000 bytes",
        "S3 rejects the read of this object",
    ]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none/", None, "There are no images"),
        ("absent.csv", None, "absent.csv does not exist"),
        ("bad.jsonl", b"{", "bad.jsonl, line 1: it is not JSON"),
        ("bad.tar", b"no tar" * 200, "it is no tar"),
    ],
)
def test_what_cannot_be_planned(
    bench: Bench, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        bench.host.objects.write(name, content)
    with pytest.raises(BulkError, match=sentence):
        bench.job(f"s3://{bench.bucket}/{name}")

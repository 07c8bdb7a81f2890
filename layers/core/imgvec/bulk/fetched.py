"""The parts of a job in a bucket, as files of a folder: named as those of a job on this machine."""

from collections.abc import Iterator
from pathlib import Path

from imgvec.bulk.bucket import BucketJob
from imgvec.bulk.job import SUCCESS
from imgvec.bulk.parts import appearing, errors_path, part_path


def fetch(job: BucketJob, folder: Path) -> Iterator[Path]:
    """Copy the parts that are not there yet; gives each when it is written.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for row in job.rows():
        number = int(row.chunk)
        path = part_path(folder, number, "parquet")
        data = None if path.exists() else job.objects.read(job.part(row.chunk))
        if data is None:
            continue
        # The part appears last, as on this machine.
        with appearing(errors_path(folder, number)) as file:
            file.write(job.objects.read(job.errors(row.chunk)) or b"")
        with appearing(path) as file:
            file.write(data)
        yield path
    if job.summary().status == "completed":
        with appearing(folder / SUCCESS):
            pass

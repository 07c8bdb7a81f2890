"""`imgvec embed --output FOLDER/`: a job that is resumed until all of its images are done."""

import sys
import time
from collections.abc import Iterable, Iterator
from glob import has_magic
from pathlib import Path

import click

from imgvec.bulk.chunk import Chunk
from imgvec.bulk.job import JOB, Job, Terms, opened, read_job
from imgvec.bulk.manifests import reader_of
from imgvec.bulk.parts import Format
from imgvec.bulk.plan import Named
from imgvec.cli.options import escaped
from imgvec.cli.sources import STANDARD_INPUT, Found, is_file, iter_sources
from imgvec.encoder import Encoder
from imgvec.errors import BulkError
from imgvec.settings import load_settings

SHARD = 10_000
NAMED_FAILURES = 20
"""Failures that a run names; all of them are in the files."""


def is_job(output: str) -> bool:
    """Whether an output is a folder of parts: it ends in a slash, or has a job already."""
    return output.endswith("/") or Path(output, JOB).is_file()


def run_job(
    folder: Path,
    sources: tuple[str, ...],
    encoder: Encoder,
    form: Format | None,
    shard: int | None,
    *,
    retry_errors: bool,
) -> bool:
    """Begin or resume the job in a folder; gives whether each image has a vector.

    Raises:
        click.ClickException: a source does not exist, or a part cannot be written.
        BulkError: the folder has another job, or a list cannot be read.
    """
    found = read_job(folder)
    if found is None and not sources:
        raise BulkError(f"{folder} holds no job yet: name the images")
    before = None if found is None else found.terms
    terms = Terms(
        encoder.name,
        encoder.revision,
        encoder.dimensions,
        form or (before.format if before else "parquet"),
        shard or (before.shard if before else SHARD),
        sources,
        str(Path.cwd()) if before is None else before.folder,
    )
    search = Found(extra=load_settings().extra_formats)
    images = _images(sources, search)
    try:
        with opened(folder, terms, images) as job:
            for line in (*search.closed, search.others):
                if line:
                    click.echo(line, err=True)
            return _run(job, encoder, retry_errors=retry_errors) and not search.closed
    except OSError as problem:
        name = escaped(str(problem.filename or folder))
        reason = problem.strerror or "not all of it could be written"
        raise click.ClickException(
            f"Cannot write {name}: {reason}. The same command goes on from here."
        ) from None


def _run(job: Job, encoder: Encoder, *, retry_errors: bool) -> bool:
    missing = job.missing()
    if retry_errors and not missing and job.failures():
        job.plan_failures()
        missing = job.missing()
    total = sum(shard.end - shard.begin for shard in missing)
    with _Progress(total) as progress:
        for chunk in job.run(encoder, missing):
            progress.add(chunk)
    failed = job.failures()
    job.finish()
    click.echo(f"{progress.done - progress.failed} embedded of {total}", err=True)
    if failed:
        click.echo(
            f"{failed} images have no vector. {escaped(str(job.folder))}/_errors-*.jsonl has the "
            "reasons; --retry-errors tries them once more.",
            err=True,
        )
    return failed == 0


def _images(sources: Iterable[str], found: Found) -> Iterator[Named]:
    """The images of files, folders, patterns, URLs, lists and tars, in their order."""
    for source in sources:
        if source == STANDARD_INPUT:
            raise BulkError("Standard input goes to a FILE: name the images in a list of paths")
        reader = reader_of(source)
        if reader is not None and is_file(source):
            yield from reader(Path(source))
        elif has_magic(source) and not Path(source).exists():
            yield from map(Named, sorted(filter(is_file, map(str, _matches(source)))))
        else:
            yield from map(Named, iter_sources([source], found))


def _matches(pattern: str) -> Iterator[Path]:
    path = Path(pattern)
    return Path(path.anchor).glob(str(path.relative_to(path.anchor)))


class _Progress:
    """Images that are done, a second and until the end: one line on a terminal, or one a chunk."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self.done = self.failed = 0

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal and self.done:
            click.echo(err=True)

    def add(self, chunk: Chunk) -> None:
        """Note a chunk, and name the first failures."""
        for failure in chunk.failures:
            self.failed += 1
            if self.failed <= NAMED_FAILURES:
                click.echo(f"{escaped(failure.item.path)}: {failure.reason}", err=True)
        self.done += len(chunk.items) + len(chunk.failures)
        speed = self.done / (time.monotonic() - self._began)
        left = (self._total - self.done) / speed
        line = f"{self.done:,} of {self._total:,} images, {speed:.0f} a second, {_time(left)} left"
        click.echo(f"\r{line:<70}" if self._terminal else line, nl=not self._terminal, err=True)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"

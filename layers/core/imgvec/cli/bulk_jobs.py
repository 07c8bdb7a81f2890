"""`imgvec bulk`: jobs on a stack's state machine."""

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

import click

from imgvec.accounts.deletion import is_active
from imgvec.aws.bulk_machine import RUNNING, Machine
from imgvec.aws.gateway_keys.usage_plans import Stack
from imgvec.bulk.bucket import BucketJob, Summary, Terms
from imgvec.bulk.compared import compare as compare_parts
from imgvec.bulk.fetched import fetch as fetch_parts
from imgvec.bulk.manifests import reader_of
from imgvec.bulk.mapped import SCHEME
from imgvec.cli.options import escaped, integer_of, open_store, say, stack_option
from imgvec.errors import BulkError
from imgvec.stores.objects import Objects
from imgvec.types import SPACES, Bounds

CONCURRENCY: Final = Bounds(1, 1000)
"""Each chunk at work is a reservation in the consumer's item, which has 400 KB."""
WATCH_SECONDS: Final = 5.0
LEAST: Final = 10
"""Images that `compare` names."""
concurrency_option = click.option(
    "--concurrency",
    type=integer_of(CONCURRENCY),
    default=5,
    show_default=True,
    metavar="N",
    help="Chunks at the same time. They share the account's concurrency with the API.",
)


@click.group(name="bulk")
def bulk_jobs() -> None:
    """Embed millions of images on a stack that was deployed with Bulk=on."""


@bulk_jobs.command()
@click.argument("source")
@stack_option(required=True)
@click.option("--consumer", required=True, metavar="NAME", help="Who pays, within its quota.")
@click.option(
    "--dimensions",
    required=True,
    type=integer_of(SPACES),
    metavar="N",
    help="How many numbers a vector has.",
)
@concurrency_option
def start(source: str, stack: Stack, consumer: str, dimensions: int, concurrency: int) -> None:
    """Start a job over SOURCE, and print its name.

    \b
      imgvec bulk start s3://photos/2026/ --stack imgvec-prod \\
        --consumer shop --dimensions 512

    SOURCE is a prefix, a list (.txt, .csv, .jsonl, .parquet) or a tar in S3, or a list on this
    machine. A prefix ends with a slash.
    """
    machine, objects = _opened(stack)
    with open_store(stack) as store:
        if consumer not in {one.name for one in store.list_consumers() if is_active(one)}:
            raise BulkError(f"There is no consumer {consumer}: `imgvec keys create` makes one")
    job = BucketJob(objects, f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}")
    if not source.startswith(SCHEME):
        source = _uploaded(job, source)
    job.save("job.json", Terms(job.name, consumer, dimensions, source, time.time()))
    machine.start(job.name, concurrency)
    click.echo(job.name)
    say(f"`imgvec bulk status {job.name} --stack {stack.name} --watch` shows how it goes.")


@bulk_jobs.command()
@click.argument("job")
@stack_option(required=True)
@click.option("--watch", is_flag=True, help="Show progress until it ends.")
def status(job: str, stack: Stack, watch: bool) -> None:
    """Show the state of JOB: its chunks, and the images in its parts, which are counted."""
    machine, objects = _opened(stack)
    found = BucketJob(objects, job)
    found.terms()
    while _running(machine, job) and watch:
        time.sleep(WATCH_SECONDS)
    state = _running(machine, job)
    summary = found.summary()
    click.echo(_sentence(summary, "running" if state else _ended(machine, job, summary)))
    if not state and summary.status != "completed":
        say(f"`imgvec bulk resume {job} --stack {stack.name}` goes on.")


@bulk_jobs.command()
@click.argument("job")
@stack_option(required=True)
def cancel(job: str, stack: Stack) -> None:
    """Cancel JOB. Chunks that are at work end; parts that exist stay, and are counted."""
    machine, objects = _opened(stack)
    found = BucketJob(objects, job)
    found.terms()
    found.flag("cancelled")
    say(f"{machine.stop(job)} executions are stopped.")


@bulk_jobs.command()
@click.argument("job")
@stack_option(required=True)
@concurrency_option
def resume(job: str, stack: Stack, concurrency: int) -> None:
    """Go on with JOB: chunks that have no part are embedded. It may be 28 days old."""
    machine, objects = _opened(stack)
    found = BucketJob(objects, job)
    found.terms()
    found.unflag()
    machine.start(job, concurrency)
    say(f"{job} goes on.")


@bulk_jobs.command()
@click.argument("job")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@stack_option(required=True)
def fetch(job: str, folder: Path, stack: Stack) -> None:
    """Copy the parts of JOB into FOLDER, those that are not there yet."""
    _, objects = _opened(stack)
    found = BucketJob(objects, job)
    if not found.objects.exists(found.key("job.json")):
        raise BulkError(f"There is no job {job}")
    try:
        number = sum(1 for _ in fetch_parts(found, folder))
    except OSError as problem:
        name = escaped(str(problem.filename or folder))
        raise click.ClickException(f"Cannot write {name}: {problem.strerror}") from None
    say(f"{number} parts are copied.")


@bulk_jobs.command()
@click.argument("old", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--sample",
    type=click.IntRange(1, 10_000),
    default=1000,
    show_default=True,
    metavar="N",
    help="Images.",
)
@click.option(
    "--at",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    metavar="K",
    help="Neighbours.",
)
def compare(old: Path, new: Path, sample: int, at: int) -> None:
    """Compare the neighbours of images in two folders of parts, before an index is moved.

    OLD and NEW have vectors of the same images by two encoders. Prints the mean share of the K
    nearest neighbours that both have, and the images with the least.
    """
    found = compare_parts(old, new, sample, at)
    mean = sum(one.share for one in found) / len(found)
    click.echo(f"{mean:.3f} of the {at} nearest neighbours are the same, over {len(found)} images")
    for one in found[:LEAST]:
        click.echo(f"{one.share:.2f}  {escaped(one.image_path)}")


def _opened(stack: Stack) -> tuple[Machine, Objects]:
    if stack.bulk is None or stack.bucket is None:
        raise BulkError(f"The stack {stack.name} has no bulk jobs: deploy it with Bulk=on")
    return Machine(stack.bulk), Objects(stack.bucket)


def _uploaded(job: BucketJob, source: str) -> str:
    path = Path(source)
    if reader_of(source) is None or not path.is_file():
        raise BulkError(f"{escaped(source)} is neither s3://bucket/key nor a list of images here")
    key = job.key(f"source{PurePosixPath(source).suffix.lower()}")
    job.objects.write(key, path.read_bytes())
    return f"{SCHEME}{job.objects.bucket}/{key}"


def _running(machine: Machine, job: str) -> bool:
    """Whether an execution of the job runs; says how far it is."""
    for run in machine.runs(job):
        if run.status == RUNNING:
            counts = machine.chunks(run)
            if counts:
                done = counts["succeeded"] + counts["failed"]
                say(f"{done:,} of {counts['total']:,} chunks, {counts['running']:,} at work")
            else:
                say("planning")
            return True
    return False


def _ended(machine: Machine, job: str, summary: Summary) -> str:
    if summary.chunks == 0:
        runs = machine.runs(job)
        failure = machine.failure(runs[0]) if runs else ""
        return f"not planned: {failure}" if failure else "not planned"
    return f"{summary.status} ({summary.reason})" if summary.reason else summary.status


def _sentence(summary: Summary, state: str) -> str:
    return (
        f"{state}: {summary.done:,} of {summary.chunks:,} chunks, {summary.images:,} images "
        f"embedded and counted, {summary.failed:,} without a vector, of {summary.rows:,}"
    )

"""`imgvec embed`: files, folders and URLs to vectors, without a server."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import Final

import click

from imgvec.cli.output import Row, escaped, open_output
from imgvec.embedding.compute import Compute
from imgvec.embedding.in_flight import InFlight
from imgvec.embedding.metered import NoAccounts
from imgvec.embedding.service import EmbeddingService
from imgvec.embedding.sources import Sources
from imgvec.embedding.types import ImageBytes, ImageInput, ImageSource, ImageUrl, each
from imgvec.embedding.written import is_url
from imgvec.encoders import Encoder
from imgvec.encoders.registry import Encoders, load_encoders
from imgvec.errors import AssetNotFound, RequestError, TooLarge
from imgvec.images.fetch import fetch_of
from imgvec.images.formats import HEAD_BYTES, looks_like_image
from imgvec.settings import ExtraFormat, Settings, load_settings
from imgvec.types import Principal, RequestContext

STANDARD_INPUT: Final = "-"


@dataclass(slots=True)
class Found:
    """Sources in order, files of folders that are left alone, and what could not be read."""

    sources: list[str] = field(default_factory=list)
    others: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Names of folders and files in them, and why they cannot be read."""


def find_sources(given: tuple[str, ...], extra: frozenset[ExtraFormat] = frozenset()) -> Found:
    """Search folders in depth, in the order of names; files and URLs stand as they are given.

    A file in a folder counts by its first bytes; `extra` are formats beside the usual. A link that
    leads out of the folder is left alone.

    Raises:
        click.ClickException: a path does not exist, or there are no images.
    """
    found = Found()
    for name in given:
        path = Path(name)
        if name == STANDARD_INPUT or is_url(name) or _is(path, Path.is_file):
            found.sources.append(name)
        elif _is(path, Path.is_dir):
            _search(path, extra, found)
        else:
            raise click.ClickException(f"There is no file or folder {escaped(name)!r}")
    if not found.sources and not found.problems:
        raise click.ClickException("There are no images in what was given")
    return found


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(path)
    except OSError:
        # A name that is too long, or a folder that may not be looked into.
        return False


def _search(root: Path, extra: frozenset[ExtraFormat], found: Found) -> None:
    def report(problem: OSError) -> None:
        found.problems.append((str(problem.filename), problem.strerror or "cannot be read"))

    files: list[Path] = []
    for folder, below, names in os.walk(root, onerror=report):
        below[:] = [name for name in below if not name.startswith(".")]
        found.others += sum(Path(folder, name).is_symlink() for name in below)
        files.extend(Path(folder, name) for name in names if not name.startswith("."))
    inside = root.resolve()
    for file in sorted(files):
        try:
            image = S_ISREG(file.stat().st_mode) and file.resolve().is_relative_to(inside)
            if image:
                with file.open("rb") as opened:
                    image = looks_like_image(opened.read(HEAD_BYTES), extra)
        except OSError as problem:
            report(problem)
            continue
        if image:
            found.sources.append(str(file))
        else:
            found.others += 1


AHEAD: Final = 32
"""Sources that are in work at the same time; rows keep their order."""
OPERATOR: Final = Principal("operator", "")
COMMAND: Final = RequestContext("", "imgvec embed", "")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="PATH|URL|FOLDER|-...")
@click.option(
    "--dimensions", type=int, metavar="N", help="Width of the space. [default: the widest]"
)
@click.option(
    "--output",
    "-o",
    default="-",
    show_default=True,
    metavar="FILE",
    help="x.jsonl, x.npy (with x.txt: the name of each row), or - for JSON lines.",
)
def embed(sources: tuple[str, ...], dimensions: int | None, output: str) -> None:
    """Embed images given as files, folders (searched in depth), URLs, or - for standard input.

    \b
      imgvec embed photo.jpg
      imgvec embed photos/ --dimensions 512 --output photos.npy

    Every run embeds everything again. An image that cannot be embedded is named and left out, and
    the exit status is then 1. FILE appears when all is done and replaces an older one.
    """
    settings = load_settings()
    encoders = load_encoders(settings)
    encoder = _chosen(encoders, dimensions)
    width = dimensions or max(encoder.dimensions)
    found = find_sources(sources, frozenset(settings.extra_formats))
    if found.others:
        click.echo(f"{found.others} files in folders are not images that are read", err=True)
    for name, reason in found.problems:
        click.echo(f"{escaped(name)}: {reason}", err=True)
    failed = 0
    made = _rows(Work(settings, encoders, encoder, width), found.sources)
    with open_output(output, width) as write, _progress(made, found) as rows:
        for row in rows:
            if row.problem is None:
                write(row)
            else:
                failed += 1
                click.echo(f"{escaped(row.source)}: {row.problem}", err=True)
    total = len(found.sources)
    click.echo(f"{total - failed} embedded, {failed} failed, of {total}", err=True)
    sys.exit(1 if failed or found.problems else 0)


def _chosen(encoders: Encoders, dimensions: int | None) -> Encoder:
    if dimensions is None:
        return next(iter(encoders))
    encoder = encoders.for_dimensions(dimensions)
    if encoder is None:
        known = sorted({number for one in encoders for number in one.dimensions})
        raise click.ClickException(f"--dimensions must be one of {known}")
    return encoder


class Work:
    """Embeds sources through the service, without keys or units."""

    def __init__(
        self, settings: Settings, encoders: Encoders, encoder: Encoder, dimensions: int
    ) -> None:
        """Start the threads that compute."""
        self._max_bytes = settings.max_image
        self._encoder = encoder
        self._dimensions = dimensions
        sources = Sources(fetch_of(settings), _no_assets, InFlight(settings.max_bodies))
        self._service = EmbeddingService(
            encoders, Compute(encoders, settings), sources, NoAccounts()
        )

    def close(self) -> None:
        """End the threads."""
        self._service.close()

    async def row(self, name: str) -> Row:
        """The row of a file or URL; a bad one has a row that says why."""
        try:
            wanted = each([ImageInput(self._source(name))], self._dimensions)
            result = await self._service.embed(OPERATOR, wanted, COMMAND)
        except RequestError as error:
            return self._failed(name, error.message)
        except OSError as problem:
            return self._failed(name, problem.strerror)
        return Row(name, result.embeddings[0].vector, result.model, result.revision)

    def _source(self, name: str) -> ImageSource:
        if is_url(name):
            return ImageUrl(name)
        if name == STANDARD_INPUT:
            return ImageBytes(self._standard_input())
        path = Path(name)
        if path.stat().st_size > self._max_bytes:
            raise TooLarge
        return ImageBytes(path.read_bytes())

    def _standard_input(self) -> bytes:
        data = sys.stdin.buffer.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise TooLarge
        return data

    def _failed(self, name: str, problem: str | None) -> Row:
        return Row(name, None, self._encoder.name, self._encoder.revision, problem)


async def _no_assets(consumer: str, asset_id: str) -> bytes:
    raise AssetNotFound


def _rows(work: Work, names: Sequence[str]) -> Iterator[Row]:
    """Rows in the order of the sources, made on every core."""
    with closing(work), asyncio.Runner() as runner:
        rows = _in_order(work, names)
        while (row := runner.run(_next(rows))) is not None:
            yield row


async def _next(rows: AsyncIterator[Row]) -> Row | None:
    return await anext(rows, None)


async def _in_order(work: Work, names: Sequence[str]) -> AsyncIterator[Row]:
    ahead: deque[asyncio.Task[Row]] = deque()
    for name in names:
        ahead.append(asyncio.create_task(work.row(name)))
        if len(ahead) == AHEAD:
            yield await ahead.popleft()
    while ahead:
        yield await ahead.popleft()


def _progress(rows: Iterator[Row], found: Found) -> AbstractContextManager[Iterator[Row]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext(rows)
    return click.progressbar(rows, length=len(found.sources), label="Embedding", file=sys.stderr)

"""`imgvec embed`: files, folders and URLs to vectors, without a server."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Final

import click

from imgvec.cli.options import escaped
from imgvec.cli.output import Row, open_output
from imgvec.cli.sources import STANDARD_INPUT, find_sources, read_standard_input
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
from imgvec.settings import Settings, load_settings
from imgvec.types import Principal, RequestContext

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
    "-o",
    "--output",
    default="-",
    show_default=True,
    metavar="FILE",
    help="x.jsonl, x.npy (with x.npy.names: a line for each row), or - for JSON lines.",
)
def embed(sources: tuple[str, ...], dimensions: int | None, output: str) -> None:
    """Embed images given as files, folders, URLs or - for standard input.

    \b
      imgvec embed photo.jpg
      imgvec embed photos/ --dimensions 512 -o photos.npy

    Folders are searched in depth for what begins as an image, whatever its name; hidden names, and
    links that lead out of the folder, are left alone. Every run embeds everything again. An image
    or folder that cannot be read is named and left out, and the exit status is then 1. FILE appears
    when all is done and replaces an older one.

    In names that are printed or listed, a backslash is \\\\, and each byte of a control character
    is \\x with two hex digits.
    """
    settings = load_settings()
    encoders = load_encoders(settings)
    encoder = _chosen(encoders, dimensions)
    width = dimensions or max(encoder.dimensions)
    found = find_sources(sources, settings.extra_formats)
    for folder in found.closed:
        click.echo(folder, err=True)
    if not found.sources:
        raise click.ClickException(f"There are no images in what was given. {found.others}".strip())
    if found.others:
        click.echo(found.others, err=True)
    work = Work(settings, encoders, encoder, width)
    failed = 0
    with (
        open_output(output, width) as write,
        closing(_rows(work, found.sources)) as made,
        _progress(made, len(found.sources)) as rows,
    ):
        if STANDARD_INPUT in found.sources:
            work.standard_input = read_standard_input(settings.max_image)
        for row in rows:
            if row.problem is None:
                write(row)
            else:
                failed += 1
                click.echo(f"{escaped(row.source)}: {row.problem}", err=True)
    total = len(found.sources)
    click.echo(f"{total - failed} embedded, {failed} failed, of {total}", err=True)
    sys.exit(1 if failed or found.closed else 0)


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
        self.standard_input = b""
        self._max_bytes = settings.max_image
        self._encoder = encoder
        self._dimensions = dimensions
        sources = Sources(
            fetch_of(settings), _no_assets, InFlight(settings.max_bodies), settings.fetch_timeout
        )
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
            data = self.standard_input
        else:
            path = Path(name)
            self._check(path.stat().st_size)
            data = path.read_bytes()
        self._check(len(data))
        return ImageBytes(data)

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise TooLarge

    def _failed(self, name: str, problem: str | None) -> Row:
        return Row(name, None, self._encoder.name, self._encoder.revision, problem)


async def _no_assets(consumer: str, asset_id: str) -> bytes:
    raise AssetNotFound


def _rows(work: Work, names: Sequence[str]) -> Generator[Row]:
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


def _progress(rows: Iterator[Row], total: int) -> AbstractContextManager[Iterator[Row]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext(rows)
    return click.progressbar(rows, length=total, label="Embedding", file=sys.stderr)

"""`imgvec embed`: files, folders and URLs to vectors, without a server."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from imgvec.cli.output import Row, open_output
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
from imgvec.settings import ExtraFormat, Settings, load_settings
from imgvec.types import Principal, RequestContext

SUFFIXES: Final = frozenset(
    {".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"}
)
EXTRA_SUFFIXES: Final[dict[ExtraFormat, frozenset[str]]] = {
    "avif": frozenset({".avif"}),
    "heic": frozenset({".heic", ".heif", ".hif"}),
}


@dataclass(frozen=True, slots=True)
class Found:
    """Sources in order, and how many files of the folders are no images by name."""

    sources: tuple[str, ...]
    others: int


def find_sources(given: tuple[str, ...], extra: Iterable[ExtraFormat] = ()) -> Found:
    """Search folders in depth, in the order of names; files and URLs stand as they are given.

    `extra` are formats to look for beside the usual.

    Raises:
        click.ClickException: a path does not exist.
    """
    suffixes = SUFFIXES.union(*(EXTRA_SUFFIXES[format] for format in extra))
    sources: list[str] = []
    others = 0
    for name in given:
        path = Path(name)
        if is_url(name) or _is(path, Path.is_file):
            sources.append(name)
        elif _is(path, Path.is_dir):
            files = sorted(file for file in path.rglob("*") if _visible_file(file, path))
            images = [file for file in files if file.suffix.lower() in suffixes]
            sources.extend(str(file) for file in images)
            others += len(files) - len(images)
        else:
            raise click.ClickException(f"There is no file or folder {name!r}")
    if not sources:
        raise click.ClickException("There are no images in what was given")
    return Found(tuple(sources), others)


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(path)
    except OSError:
        # A name that is too long, or a folder that may not be looked into.
        return False


def _visible_file(file: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    return not hidden and file.is_file()


AHEAD: Final = 32
"""Sources that are in work at the same time; rows keep their order."""
OPERATOR: Final = Principal("operator", "")
COMMAND: Final = RequestContext("", "imgvec embed", "")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="PATH|URL|FOLDER...")
@click.option(
    "--dimensions", type=int, metavar="N", help="Width of the space. [default: the widest]"
)
@click.option(
    "--output",
    default="-",
    show_default=True,
    metavar="FILE",
    help="x.jsonl, x.npy (with x.txt: the name of each row), or - for JSON lines.",
)
def embed(sources: tuple[str, ...], dimensions: int | None, output: str) -> None:
    """Embed images given as files, folders (searched in depth) or URLs.

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
    found = find_sources(sources, settings.extra_formats)
    if found.others:
        click.echo(f"{found.others} files in folders are no images by name: left alone", err=True)
    failed = 0
    made = _rows(Work(settings, encoders, encoder, width), found.sources)
    with open_output(output) as write, _progress(made, found) as rows:
        for row in rows:
            if row.problem is None:
                write(row)
            else:
                failed += 1
                click.echo(f"{row.source}: {row.problem}", err=True)
    total = len(found.sources)
    click.echo(f"{total - failed} embedded, {failed} failed, of {total}", err=True)
    sys.exit(1 if failed else 0)


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
        path = Path(name)
        if path.stat().st_size > self._max_bytes:
            raise TooLarge
        return ImageBytes(path.read_bytes())

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

"""`imgvec embed`: files, folders and URLs to vectors, without a server."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import click

from imgvec.cli.found import Found, find_sources
from imgvec.cli.output import open_output
from imgvec.cli.vectorise import Row, Vectoriser
from imgvec.settings import load_settings


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
    vectoriser = Vectoriser(load_settings(), dimensions)
    found = find_sources(sources)
    if found.others:
        click.echo(f"{found.others} files in folders are no images by name: left alone", err=True)
    failed = 0
    with open_output(output) as write, _progress(_rows(vectoriser, found), found) as rows:
        for row in rows:
            if row.problem is None:
                write(row)
            else:
                failed += 1
                click.echo(f"{row.source}: {row.problem}", err=True)
    total = len(found.sources)
    click.echo(f"{total - failed} embedded, {failed} failed, of {total}", err=True)
    sys.exit(1 if failed else 0)


def _rows(vectoriser: Vectoriser, found: Found) -> Iterator[Row]:
    """Rows in the order of the sources, made on every core."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(vectoriser.embed, found.sources)


def _progress(rows: Iterator[Row], found: Found) -> AbstractContextManager[Iterator[Row]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext(rows)
    return click.progressbar(rows, length=len(found.sources), label="Embedding", file=sys.stderr)

"""`imgvec embed`: files, folders and URLs to vectors, without a server."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext

import click

from imgvec.cli.options import escaped
from imgvec.cli.output import Row, open_output
from imgvec.cli.sources import STANDARD_INPUT, find_sources, read_standard_input
from imgvec.encoder import Encoder, Problem, reason
from imgvec.errors import BadParameter, RequestError
from imgvec.settings import load_settings
from imgvec.types import Vector


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="PATH|URL|FOLDER|-...")
@click.option(
    "--dimensions", type=int, metavar="N", help="How many numbers a vector has. [default: the most]"
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
    encoder = _encoder(dimensions)
    found = find_sources(sources, settings.extra_formats)
    for folder in found.closed:
        click.echo(folder, err=True)
    if not found.sources:
        raise click.ClickException(f"There are no images in what was given. {found.others}".strip())
    if found.others:
        click.echo(found.others, err=True)
    failed = 0
    with closing(encoder), open_output(output, encoder.dimensions) as write:
        data = read_standard_input(settings.max_image) if STANDARD_INPUT in found.sources else b""
        images = (data if name == STANDARD_INPUT else name for name in found.sources)
        pairs = zip(found.sources, encoder.each_image(images), strict=True)
        with _progress(pairs, len(found.sources)) as rows:
            for name, vector in rows:
                if isinstance(vector, RequestError | OSError):
                    failed += 1
                    click.echo(f"{escaped(name)}: {reason(vector)}", err=True)
                else:
                    write(Row(name, vector, encoder.name, encoder.revision))
    total = len(found.sources)
    click.echo(f"{total - failed} embedded, {failed} failed, of {total}", err=True)
    sys.exit(1 if failed or found.closed else 0)


def _encoder(dimensions: int | None) -> Encoder:
    try:
        return Encoder(dimensions=dimensions)
    except BadParameter as problem:
        raise click.ClickException(f"--{problem.message}") from None


Pair = tuple[str, Vector | Problem]


def _progress(pairs: Iterator[Pair], total: int) -> AbstractContextManager[Iterator[Pair]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext(pairs)
    return click.progressbar(pairs, length=total, label="Embedding", file=sys.stderr)

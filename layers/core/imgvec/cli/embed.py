"""`imgvec embed`: files, folders and URLs to vectors, without a server."""

import sys
from contextlib import closing
from itertools import chain
from pathlib import Path

import click

from imgvec.bulk.parts import FORMATS, Format
from imgvec.cli.bulk import SHARD, is_job, run_job
from imgvec.cli.options import escaped
from imgvec.cli.output import Row, Source, open_output, progress
from imgvec.cli.sources import (
    STANDARD_INPUT,
    find_sources,
    read_lines,
    read_standard_input,
)
from imgvec.encoder import Encoder, reason
from imgvec.errors import BadParameter, RequestError
from imgvec.settings import load_settings


@click.command()
@click.argument("sources", nargs=-1, metavar="[PATH|URL|FOLDER|-]...")
@click.option("--text", "texts", metavar="FILE", help="Embed each line of a UTF-8 file, or of - .")
@click.option(
    "--dimensions", type=int, metavar="N", help="How many numbers a vector has. [default: the most]"
)
@click.option(
    "-o",
    "--output",
    default="-",
    show_default=True,
    metavar="FILE|FOLDER/",
    help="Write x.jsonl or x.npy, - for JSON lines, or a folder of parts.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="The parts of a FOLDER/. [default: parquet]",
)
@click.option(
    "--shard",
    type=click.IntRange(1),
    metavar="N",
    help=f"Images of a part. [default: {SHARD:,}]",
)
@click.option("--retry-errors", is_flag=True, help="Try the images without a vector once more.")
def embed(
    sources: tuple[str, ...],
    texts: str | None,
    dimensions: int | None,
    output: str,
    form: Format | None,
    shard: int | None,
    retry_errors: bool,
) -> None:
    """Embed images (files, folders, URLs, - for standard input) and lines of text.

    \b
      imgvec embed photo.jpg
      imgvec embed photos/ --dimensions 512 -o photos.npy
      echo "a photo of a cat" | imgvec embed --text -
      imgvec embed photos/ list.csv shard.tar -o vectors/

    Folders are searched in depth. A file is taken by its first bytes, not by its name. Hidden
    names, and links that lead out of the folder, are skipped. Every run embeds everything again.
    An image or folder that cannot be read is named and skipped, and the exit status is then 1.
    FILE appears at the end and replaces an older one. Blank lines of text are skipped.

    Beside x.npy stand x.npy.names, with a line for each row, and x.npy.json, with the encoder's
    model and revision. A name is printed on one line: a backslash is \\\\, and each byte of a
    control character is \\x with two hex digits.

    An output that ends in a slash is a folder of parts, for any number of images. A run that was
    broken off goes on from its last part when the command is given again. Sources can then also be
    patterns, lists (.txt, .csv, .jsonl and .parquet with a column url or path) and tars of images.
    """
    if is_job(output):
        if texts is not None:
            raise click.UsageError("--text goes to a FILE, not to a folder of parts")
        with closing(encoder_of(dimensions)) as encoder:
            whole = run_job(Path(output), sources, encoder, form, shard, retry_errors=retry_errors)
        sys.exit(0 if whole else 1)
    if form or shard or retry_errors:
        raise click.UsageError("--format, --shard and --retry-errors need an --output FOLDER/")
    if not sources and texts is None:
        raise click.UsageError("Missing argument: a PATH, a URL, a FOLDER or -, or --text FILE")
    if texts == STANDARD_INPUT and STANDARD_INPUT in sources:
        raise click.UsageError("Standard input has images or texts, not both")
    settings = load_settings()
    encoder = encoder_of(dimensions)
    found = find_sources(sources, settings.extra_formats)
    for folder in found.closed:
        click.echo(folder, err=True)
    if sources and not found.sources:
        raise click.ClickException(f"There are no images in what was given. {found.others}".strip())
    if found.others:
        click.echo(found.others, err=True)
    failed = 0
    with closing(encoder), open_output(output, encoder) as write:
        data = read_standard_input(settings.max_image) if STANDARD_INPUT in found.sources else b""
        lines = [] if texts is None else read_lines(texts)
        images = (data if name == STANDARD_INPUT else name for name in found.sources)
        pairs = zip(
            [Source(name) for name in found.sources] + [Source(line, "text") for line in lines],
            chain(encoder.each_image(images), encoder.each_text(lines)),
            strict=True,
        )
        total = len(found.sources) + len(lines)
        with progress(pairs, total, "Embedding") as rows:
            for source, vector in rows:
                if isinstance(vector, RequestError | OSError):
                    failed += 1
                    click.echo(f"{escaped(source.name)}: {reason(vector)}", err=True)
                else:
                    write(Row(source, vector))
    click.echo(f"{total - failed} embedded, {failed} failed, of {total}", err=True)
    sys.exit(1 if failed or found.closed else 0)


def encoder_of(dimensions: int | None) -> Encoder:
    """The encoder of a command with `--dimensions`."""
    try:
        return Encoder(dimensions=dimensions)
    except BadParameter as problem:
        raise click.ClickException(f"--{problem.message}") from None

"""`imgvec index` and `imgvec search`: photos on this machine, found by text, photo or URL."""

import os
import sys
from contextlib import closing, suppress
from pathlib import Path

import click
import orjson

from imgvec.cli.embed import encoder_of
from imgvec.cli.options import Number, escaped, say
from imgvec.cli.output import in_json, progress, write_sheet
from imgvec.cli.sources import find_sources, is_file, is_folder
from imgvec.embedding.written import is_url
from imgvec.encoder import Encoder, reason
from imgvec.errors import BadParameter, RequestError, SearchError
from imgvec.search.index import Index, Space
from imgvec.search.ranking import Hit, combined, most_similar
from imgvec.search.sheet import Picture, Section
from imgvec.search.update import Comparison, apply_changes
from imgvec.search.writer import another_encoder, opened
from imgvec.settings import load_settings
from imgvec.types import Vector

index_option = click.option(
    "--index",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the index. [default: `index` in IMGVEC_DATA]",
)


def folder_of(given: Path | None) -> Path:
    """The folder of the index."""
    return given or load_settings().data / "index"


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="FOLDER|PHOTO...")
@index_option
@click.option(
    "--dimensions",
    type=int,
    metavar="N",
    help="How many numbers a vector has. [default: the index's, or the most]",
)
@click.option("--rebuild", is_flag=True, help="Forget all that the index has, and begin anew.")
def index(
    photos: tuple[str, ...], folder: Path | None, dimensions: int | None, rebuild: bool
) -> None:
    """Remember the vectors of photos, for `search`, `duplicates` and `cluster`.

    \b
      imgvec index photos/
      imgvec index photos/ ~/Pictures --index my-index

    Each run embeds what is new or changed, by path, size and time, and forgets what was deleted
    from the folders given. Folders are searched as `imgvec embed` does. A damaged photo is named,
    and left alone until it changes; the exit status is then 1. A run that is interrupted or killed
    loses two seconds of its work; the next one goes on. Your photos are only read.
    """
    settings, folder = load_settings(), folder_of(folder)
    for path in photos:
        # Before an index is emptied.
        if not is_file(path) and not is_folder(path):
            raise click.ClickException(f"There is no file or folder {path!r}")
    roots = [os.path.realpath(path) for path in photos]
    with closing(_encoder_for(None if rebuild else folder, dimensions)) as encoder:
        space = Space(encoder.name, encoder.revision, encoder.dimensions)
        with opened(folder, space, rebuild=rebuild) as writer:
            comparison = Comparison(writer.known(roots))
            found = find_sources(roots, settings.extra_formats, comparison.is_same)
            for closed in found.closed:
                say(closed)
            if found.others:
                say(found.others)
            changes = comparison.changes(found.sources)
            failed = 0
            done = apply_changes(writer, encoder, changes)
            with progress(done, len(changes.wanted), "Indexing") as rows:
                for path, problem in rows:
                    if problem is not None:
                        failed += 1
                        say(f"{escaped(path)}: {reason(problem)}")
    embedded = len(changes.wanted) - failed
    say(
        f"{embedded} embedded, {failed} failed, {len(changes.gone)} forgotten, "
        f"{changes.unchanged} unchanged, {changes.damaged} damaged as before"
    )
    sys.exit(1 if failed or found.closed else 0)


def _encoder_for(folder: Path | None, dimensions: int | None) -> Encoder:
    """The configured encoder, in the dimensions of the index where none are given."""
    if dimensions is None and folder is not None:
        with suppress(SearchError, BadParameter), Index(folder) as before:
            return Encoder(dimensions=before.space.dimensions)
    return encoder_of(dimensions)


@click.command()
@click.argument("query")
@click.option("--plus", multiple=True, metavar="QUERY", help="Add this to the query; repeatable.")
@click.option("--minus", multiple=True, metavar="QUERY", help="Take this away; repeatable.")
@click.option(
    "--in", "inside", multiple=True, metavar="FOLDER", help="Only photos below it; repeatable."
)
@click.option(
    "-n",
    "count",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="Show the best N.",
)
@click.option("--min", "least", type=Number(0, 1), metavar="X", help="Least score that is shown.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines: path, score.")
@click.option("--html", "page", metavar="FILE", help="Also write a page with thumbnails.")
@index_option
def search(
    query: str,
    plus: tuple[str, ...],
    minus: tuple[str, ...],
    inside: tuple[str, ...],
    count: int,
    least: float | None,
    as_json: bool,
    page: str | None,
    folder: Path | None,
) -> None:
    """Find the indexed photos that are most similar to a QUERY.

    \b
      imgvec search "a dog on a beach"
      imgvec search cat.jpg -n 5 --html found.html
      imgvec search "a street" --plus "at night" --minus "people"

    A QUERY is an image if it is a file that exists or begins with http:// or https://, and else it
    is a text. The score is the cosine of the query's vector and the photo's: the search compares
    all of them, and nothing is approximate.
    """
    with Index(folder_of(folder)) as opened_index:
        with closing(_encoder_of(folder_of(folder), opened_index.space)) as encoder:
            wanted = combined(
                [_embedded(encoder, one) for one in (query, *plus)],
                [_embedded(encoder, one) for one in minus],
            )
        hits = most_similar(opened_index, wanted, count, [os.path.realpath(one) for one in inside])
    if not hits:
        where = inside[0] if inside else "FOLDER"
        raise SearchError(f"No photo there is in the index: run `imgvec index {where}` first")
    shown = [hit for hit in hits if least is None or hit.score >= least]
    for hit in shown:
        click.echo(_line(hit, as_json), nl=False)
    if not shown:
        say(f"No photo has a score of {least} or more, the best has {hits[0].score:.3f}")
    if page is not None:
        pictures = [Picture(hit.path, f"{hit.score:.3f}") for hit in shown]
        write_sheet(page, "imgvec search", [Section(query, pictures)])


def _encoder_of(folder: Path, space: Space) -> Encoder:
    """The encoder that made an index."""
    try:
        encoder = Encoder(space.model, space.dimensions)
    except BadParameter:
        encoder = Encoder(space.model)
    now = Space(encoder.name, encoder.revision, encoder.dimensions)
    if now != space:
        encoder.close()
        raise another_encoder(folder, space, now)
    return encoder


def _embedded(encoder: Encoder, query: str) -> Vector:
    if is_url(query) or is_file(query):
        (vector,) = encoder.each_image([query])
    else:
        if os.sep in query or is_folder(query):
            say(f"There is no file {escaped(query)}: it is searched for as a text")
        (vector,) = encoder.each_text([query])
    if isinstance(vector, RequestError | OSError):
        raise SearchError(f"{escaped(query)}: {reason(vector)}")
    return vector


def _line(hit: Hit, as_json: bool) -> bytes | str:
    if as_json:
        content = {"path": in_json(hit.path), "score": round(hit.score, 6)}
        return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)
    return f"{hit.score:.3f}  {escaped(hit.path)}\n"

"""`imgvec duplicates` and `imgvec cluster`: indexed photos that are similar to each other."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
import orjson

from imgvec.cli.options import Number, escaped, say
from imgvec.cli.output import in_json, progress, write_sheet
from imgvec.cli.search import folder_of, index_option
from imgvec.errors import SearchError
from imgvec.search.groups import Linkage, blocks, pairs_of
from imgvec.search.index import Index, Photo
from imgvec.search.sheet import Picture, Section

Grouped = tuple[float, list[Photo]]
"""The cosine of the two that are least similar, and the photos, the largest file first."""
F = TypeVar("F", bound=Callable[..., None])


def _options(at: float) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in (
            index_option,
            click.option("--html", "page", metavar="FILE", help="Also write a page of thumbnails."),
            click.option("--json", "as_json", is_flag=True, help="JSON lines, one for each group."),
            click.option(
                "--at",
                type=Number(0, 1),
                default=at,
                show_default=True,
                metavar="X",
                help="Least cosine of any two photos of a group.",
            ),
            click.argument("inside", nargs=-1, metavar="[FOLDER]..."),
        ):
            command = option(command)
        return command

    return add


@click.command()
@_options(0.95)
def duplicates(
    inside: tuple[str, ...], at: float, as_json: bool, page: str | None, folder: Path | None
) -> None:
    """Group indexed photos that are nearly the same: of all folders, or of those given.

    \b
      imgvec index photos/
      imgvec duplicates photos/ --html duplicates.html

    Every two photos of a group are that similar, so no chain of small changes joins photos that
    differ. The largest file of a group stands first. Nothing is deleted.
    """
    _print(_grouped(inside, at, folder_of(folder)), as_json, page, "imgvec duplicates")


@click.command()
@_options(0.8)
def cluster(
    inside: tuple[str, ...], at: float, as_json: bool, page: str | None, folder: Path | None
) -> None:
    """Group indexed photos that show similar things: of all folders, or of those given.

    \b
      imgvec cluster photos/ --at 0.75 --html clusters.html

    Groups are made as by `imgvec duplicates`. The right --at depends on the encoder.
    """
    _print(_grouped(inside, at, folder_of(folder)), as_json, page, "imgvec cluster")


def _grouped(inside: tuple[str, ...], at: float, folder: Path) -> list[Grouped]:
    with Index(folder) as index:
        slots = index.slots([os.path.realpath(one) for one in inside])
        if not len(slots):
            where = inside[0] if inside else "FOLDER"
            raise SearchError(f"No photo there is in the index: run `imgvec index {where}` first")
        vectors, linkage = index.vectors(slots), Linkage()
        if len(slots) < len(vectors):
            vectors = vectors[slots]
        with progress(iter(blocks(len(slots))), len(blocks(len(slots))), "Comparing") as starts:
            for start in starts:
                linkage.add(pairs_of(vectors, start, at))
        groups = []
        for rows, least in linkage.groups():
            photos = index.photos(slots[rows].tolist()).values()
            groups.append((least, sorted(photos, key=lambda photo: (-photo.bytes, photo.path))))
    together = sum(len(photos) for _, photos in groups)
    say(f"{len(groups)} groups with {together} photos, {len(slots) - together} photos in no group")
    return groups


def _print(groups: list[Grouped], as_json: bool, page: str | None, title: str) -> None:
    for least, photos in groups:
        click.echo(_json(least, photos) if as_json else _text(least, photos), nl=False)
    if page is not None:
        sections = [
            Section(
                f"{len(photos)} photos, {least:.3f} or more alike",
                [Picture(photo.path, f"{photo.bytes:,} bytes") for photo in photos],
            )
            for least, photos in groups
        ]
        write_sheet(page, title, sections)


def _json(least: float, photos: list[Photo]) -> bytes:
    shown = [{"path": in_json(photo.path), "bytes": photo.bytes} for photo in photos]
    content = {"similarity": round(least, 6), "photos": shown}
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def _text(least: float, photos: list[Photo]) -> str:
    lines = [f"{len(photos)} photos, {least:.3f} or more alike"]
    lines += [f"{photo.bytes:>12,}  {escaped(photo.path)}" for photo in photos]
    return "\n".join(lines) + "\n\n"

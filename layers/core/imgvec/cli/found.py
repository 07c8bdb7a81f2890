"""Which images a command line names."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from imgvec.embedding.written import is_url

SUFFIXES: Final = frozenset(
    {".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"}
)


@dataclass(frozen=True, slots=True)
class Found:
    """Sources in order, and how many files of the folders are no images by name."""

    sources: tuple[str, ...]
    others: int


def find_sources(given: tuple[str, ...]) -> Found:
    """Search folders in depth, in the order of names; files and URLs stand as they are given.

    Raises:
        click.ClickException: a path does not exist.
    """
    sources: list[str] = []
    others = 0
    for name in given:
        path = Path(name)
        if is_url(name) or _is(path, Path.is_file):
            sources.append(name)
        elif _is(path, Path.is_dir):
            files = sorted(file for file in path.rglob("*") if _visible_file(file, path))
            images = [file for file in files if file.suffix.lower() in SUFFIXES]
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

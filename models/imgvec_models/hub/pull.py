"""Pulling all files of a recipe, from the hub or from a folder."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial as bind
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from imgvec.errors import ModelError
from imgvec_models.hub.files import difference, measure, present, pulled_folder, writing
from imgvec_models.hub.recipe import Pin, Received, Recipe, RemoteFile, Role
from imgvec_models.hub.sources import Folder, Hub, Source, Wanted
from imgvec_models.progress import Say

NOTE: Final = ".commits"
"""Beside pulled files: the commit of each repository of which the recipe names none."""


def source_of(hub: str | None, folder: Path | None) -> Source:
    """The hub at an address, or a folder where one is given."""
    return Hub(hub) if folder is None else Folder(folder)


def pull(recipe: Recipe, models: Path, source: Source, say: Say) -> Mapping[Role, Received]:
    """Bring all files of `recipe` into place; those that are there and right are left alone.

    Where it names no commit, the newest one is asked for once, and noted: all files of a
    repository come from one commit, after an interruption too.

    Raises:
        ModelError: a file could not be had, or is another than the recipe's; one sentence.
    """
    folder = pulled_folder(models, recipe.name)
    with locked(folder, bind(say, f"Another pull of {recipe.name} is running: waiting")):
        return {role: _receive(recipe, role, folder, source) for role in recipe.files}


def _receive(recipe: Recipe, role: Role, folder: Path, source: Source) -> Received:
    file = recipe.files[role]
    found, *data = (
        _bring(file, part, folder / path, folder, source)
        for path, part in recipe.local_files(role).items()
    )
    commit = file.revision or noted(folder).get(file.repository)
    return replace(found, data=tuple(data), commit=commit)


def _bring(file: RemoteFile, part: Pin, target: Path, folder: Path, source: Source) -> Received:
    """Bring a file, or a part of its data, to `target`."""
    found = present(target, part)
    if found is not None:
        return found
    commit = file.revision or _commit_of(file.repository, folder, source)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    wanted = Wanted(file.repository, commit, part.path, part.size)
    return _place(source.fetch(wanted, target), target, wanted, part)


def _commit_of(repository: str, folder: Path, source: Source) -> str | None:
    """The commit that a pull into `folder` began with, else the newest; None for a folder."""
    begun = noted(folder)
    if repository in begun:
        return begun[repository]
    commit = source.listing(repository, None).commit
    note(folder, repository, commit)
    return commit


def note(folder: Path, repository: str, commit: str | None) -> None:
    """Note the commit that files of a repository come from, for pulls that go on."""
    if commit is not None:
        path = folder / NOTE
        with writing(path):
            path.write_text(json.dumps({**noted(folder), repository: commit}))


def noted(folder: Path) -> Mapping[str, str]:
    """The commits by repository that files of a folder came from, where no recipe names them."""
    try:
        found: dict[str, str] = json.loads((folder / NOTE).read_text())
    except (OSError, ValueError):
        return {}
    return found


def _place(partial: Path, target: Path, wanted: Wanted, part: Pin) -> Received:
    """Give a file its name if it is the recipe's; nothing of another one is kept."""
    found = measure(partial)
    problem = difference(part, found)
    if problem is not None:
        partial.unlink()
        raise ModelError(f"{wanted.name} {problem}: nothing of it is kept")
    partial.replace(target)
    return found


def located(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with the commits that its files in `folder` came from."""
    begun = noted(folder)
    files = {
        role: file.model_copy(update={"revision": file.revision or begun.get(file.repository)})
        for role, file in recipe.files.items()
    }
    return recipe.model_copy(update={"files": files})


@contextmanager
def locked(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Make `folder` and hold it for this process; call `waiting` if another one holds it.

    Raises:
        ModelError: the folder cannot be written.
    """
    lock = FileLock(folder / ".lock")
    with writing(Path(lock.lock_file)):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            waiting()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()

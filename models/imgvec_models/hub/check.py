"""Compares the files of the models folder with recipes and manifests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imgvec.encoders.integrity import read_manifest, verify
from imgvec.encoders.registry import find_folders
from imgvec.errors import ModelError
from imgvec_models.hub.files import difference, measure, pulled_folder
from imgvec_models.hub.recipe import Pin, find_recipe, recipe_paths


@dataclass(frozen=True, slots=True)
class Finding:
    """A file or an encoder, and what is wrong with it."""

    what: str
    problem: str | None


def check_all(models: Path) -> Iterator[Finding]:
    """Check every encoder that is built or ships, and every file that was pulled."""
    for name in sorted({*find_folders(models), *recipe_paths(models)}):
        yield from _check(models, name)


def check_one(models: Path, name: str) -> list[Finding]:
    """Check one encoder and the files pulled for it.

    Raises:
        ModelError: nothing of that name is built or pulled.
    """
    found = list(_check(models, name))
    if not found:
        raise ModelError(
            f"Nothing of {name!a} is built or pulled in {models}: "
            f"`imgvec models pull {name}` pulls it"
        )
    return found


def _check(models: Path, name: str) -> Iterator[Finding]:
    if name in recipe_paths(models) and pulled_folder(models, name).is_dir():
        yield from _pulled(models, name)
    folder = find_folders(models).get(name)
    if folder is not None:
        try:
            verify(read_manifest(folder), folder)
        except ModelError as problem:
            yield Finding(f"{name}, built", str(problem))
        else:
            yield Finding(f"{name}, built", None)


def _pulled(models: Path, name: str) -> Iterator[Finding]:
    try:
        recipe = find_recipe(models, name)
    except ModelError as problem:
        yield Finding(f"{name}, recipe", str(problem))
        return
    folder = pulled_folder(models, name)
    for role in recipe.files:
        for path, part in recipe.local_files(role).items():
            yield Finding(f"{name}, pulled {path}", _problem(name, folder / path, part))


def _problem(name: str, path: Path, file: Pin) -> str | None:
    try:
        wrong = difference(file, measure(path))
    except OSError:
        wrong = "is missing or unreadable"
    if wrong is not None:
        return f"{path} {wrong}: pull it again with `imgvec models pull {name}`"
    if file.sha256 is None:
        return f"{path} has no digest in its recipe: `imgvec models pin {name}` writes one"
    return None

"""Pulling all files of a recipe, from the hub or from a folder."""

from collections.abc import Mapping
from functools import partial as bind
from pathlib import Path

from imgvec.errors import ModelError
from imgvec_models.hub.download import download, open_client
from imgvec_models.hub.lock import locked
from imgvec_models.hub.partial import (
    PIECE,
    Partial,
    Received,
    Watch,
    difference,
    measure,
    told,
)
from imgvec_models.hub.recipe import Recipe, RemoteFile, Role
from imgvec_models.progress import Say


def pulled_folder(models: Path, name: str) -> Path:
    """Where a recipe's files are pulled to."""
    return models / "pulled" / name


def pull(
    recipe: Recipe, models: Path, hub: str, source: Path | None, watch: Watch, say: Say
) -> Mapping[Role, Received]:
    """Bring all files of `recipe` into place; those that are there and right are left alone.

    `hub` is a base URL. With `source` nothing goes over the network: the files are copied from
    that folder, where they lie as `<repository>/<path>`.

    Raises:
        ModelError: a file could not be had, or is another than the recipe's; one sentence.
    """
    folder = pulled_folder(models, recipe.name)
    with locked(folder, bind(say, f"Another pull of {recipe.name} is running: waiting")):
        received: dict[Role, Received] = {}
        with open_client() as client:
            for role, file in recipe.files.items():
                target = folder / recipe.local_path(role)
                found = present(target, file)
                if found is None and source is not None:
                    found = _copy(source, file, target, watch)
                received[role] = found or download(client, file, hub, Partial(target), watch)
        return received


def present(target: Path, file: RemoteFile) -> Received | None:
    """Size and digest of a pulled file; None if it is not there, or another than the recipe's."""
    try:
        if file.size is not None and target.stat().st_size != file.size:
            return None
        found = measure(target)
    except OSError:
        return None
    return found if difference(file, found) is None else None


def _copy(source: Path, file: RemoteFile, target: Path, watch: Watch) -> Received:
    path = source / file.repository / file.path
    partial = Partial(target)
    partial.restart(None)
    try:
        stream = path.open("rb")
    except OSError:
        raise ModelError(f"{path} is missing or unreadable: put the file there") from None
    with stream, told(target):
        return partial.fill(file, iter(bind(stream.read, PIECE), b""), watch)

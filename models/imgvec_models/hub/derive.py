"""Pulling a repository in immich's layout, of which there is no recipe: one is derived of it."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from imgvec.encoders.manifest import ImageInput
from imgvec.errors import ModelError
from imgvec_models.hub import layout
from imgvec_models.hub.files import pulled_folder
from imgvec_models.hub.layout import IMAGE, TEXT, TOKENIZER
from imgvec_models.hub.pull import locked, note, noted, pull
from imgvec_models.hub.recipe import (
    Embeddings,
    Native,
    Recipe,
    RemoteFile,
    Role,
    find_recipe,
    recipe_paths,
    write_recipe,
)
from imgvec_models.hub.settle import settle, with_data_files
from imgvec_models.hub.sources import Listing, Source, Wanted
from imgvec_models.progress import Say

REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
FREE: Final = frozenset({"mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0"})
"""Licences for every use, as the hub spells them."""


def is_repository(name: str) -> bool:
    """Whether a name is OWNER/REPO."""
    return REPOSITORY.fullmatch(name) is not None


def derive(repository: str, name: str, models: Path, source: Source, say: Say) -> Recipe:
    """The recipe of a repository, written among the operator's own without digests.

    Its graphs are pulled on the way, because only they name their inputs and their data files.

    Raises:
        ModelError: it is not in immich's layout, says what imgvec does not do, or the name is
            another encoder's.
    """
    if name in recipe_paths(models):
        return _same(find_recipe(models, name), repository)
    folder = pulled_folder(models, name)
    listing = source.listing(repository, noted(folder).get(repository))
    _require_files(repository, listing)
    with TemporaryDirectory() as work:
        draft = _draft(repository, name, listing, Path(work), source)
    with locked(folder, lambda: say(f"Another pull of {name} is running: waiting")):
        note(folder, repository, listing.commit)
    pull(draft, models, source, say)
    recipe = settle(draft, folder, listing)
    say(f"Written to {write_recipe(recipe, models)}")
    return recipe


def complete(recipe: Recipe, models: Path, source: Source, say: Say) -> Recipe:
    """A recipe with the files of weights that its graphs name; written if it lacked some.

    Nothing changes if its graphs are pinned, as their files of weights are then.

    Raises:
        ModelError: a graph cannot be had, or names a file that its repository does not have.
    """
    if not {"image", "text"} & set(recipe.unpinned):
        return recipe
    pull(recipe, models, source, say)
    folder = pulled_folder(models, recipe.name)

    def listing(repository: str) -> Listing:
        revisions = {file.repository: file.revision for file in recipe.files.values()}
        return source.listing(repository, revisions[repository] or noted(folder).get(repository))

    whole = with_data_files(recipe, folder, listing)
    if whole != recipe:
        say(f"Written to {write_recipe(whole, models)}: its graphs keep weights in other files")
    return whole


def _same(recipe: Recipe, repository: str) -> Recipe:
    if recipe.files["image"].repository != repository:
        raise ModelError(
            f"There is a recipe {recipe.name} of another repository: choose a --name of your own"
        )
    return recipe


def _require_files(repository: str, listing: Listing) -> None:
    needed = {layout.CONFIG, IMAGE, layout.PREPROCESS}
    if any(path.startswith("textual/") for path in listing.paths):
        needed |= {TEXT, TOKENIZER, layout.TOKENIZER_CONFIG}
    missing = sorted(needed - listing.paths)
    if missing:
        raise ModelError(f"{repository} is not in immich's layout: it lacks {', '.join(missing)}")


def _draft(repository: str, name: str, listing: Listing, work: Path, source: Source) -> Recipe:
    """The recipe but for what only the graphs say: inputs, outputs and data files."""
    has_text = TEXT in listing.paths
    for path in (layout.CONFIG, layout.PREPROCESS, *([layout.TOKENIZER_CONFIG] * has_text)):
        target = work / Path(path).name
        fetched = source.fetch(Wanted(repository, listing.commit, path), target)
        fetched.replace(target)
    config = layout.read_config(work / layout.CONFIG)
    preprocessing = layout.read_preprocess(work / Path(layout.PREPROCESS).name)
    licence = listing.licence or "not stated"
    paths: dict[Role, str] = {"image": IMAGE}
    if has_text:
        paths |= {"text": TEXT, "tokenizer": TOKENIZER}
    tokens = config.vision_cfg.tokens(preprocessing.size)
    return Recipe(
        format=1,
        name=name,
        title=f"{repository.partition('/')[2]} of {repository.partition('/')[0]}",
        licence=licence,
        terms=None if licence in FREE else _terms(repository, listing.licence),
        files={
            role: RemoteFile(
                repository=repository,
                revision=None,
                path=path,
                licence=licence,
                size=None,
                sha256=None,
            )
            for role, path in paths.items()
        },
        preprocessing=preprocessing,
        image=ImageInput(input="image", tokens=tokens),
        text=layout.read_text(work / Path(layout.TOKENIZER_CONFIG).name, config.text_cfg)
        if has_text
        else None,
        embeddings=Embeddings(image="embedding", text="embedding" if has_text else None),
        native=Native(pooled=config.vision_cfg.pooled, joint=config.embed_dim),
        spaces=config.dimensions,
    )


def _terms(repository: str, licence: str | None) -> str:
    if licence is None:
        return f"{repository} states no licence: find out which it is before you use it"
    return f"The licence of {repository} is {licence}: read what it allows before you use it"

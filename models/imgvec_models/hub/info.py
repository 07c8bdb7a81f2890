"""The known facts of an encoder: from its recipe, and from its build once there is one."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from imgvec.encoders.integrity import SHIPPED, SHIPPED_TERMS, read_manifest
from imgvec.encoders.manifest import Manifest, Preprocessing, TextInput
from imgvec.encoders.registry import find_folders
from imgvec.errors import ModelError
from imgvec_models.hub.files import pulled_folder
from imgvec_models.hub.recipe import Recipe, find_recipe, recipe_paths

State: TypeAlias = Literal["built", "pulled", "not pulled"]
RECORD: Final = "build.json"


@dataclass(frozen=True, slots=True)
class Tower:
    """A tower of a built encoder."""

    scheme: str
    megabytes: float


@dataclass(frozen=True, slots=True)
class Source:
    """A repository that files come from; None where the commit is open."""

    repository: str
    commit: str | None


@dataclass(frozen=True, slots=True)
class Info:
    """An encoder, built or not."""

    name: str
    title: str
    licence: str
    terms: str | None
    state: State
    proven: bool
    """False where we never built and judged the real weights."""
    sources: tuple[Source, ...]
    unpinned: tuple[str, ...]
    """The files without a known digest."""
    preprocessing: Preprocessing
    text: TextInput | None
    joint: int | None
    """None where there is no recipe."""
    prefixes: bool
    """Whether dimensions below `joint` are trained prefixes."""
    dimensions: tuple[int, ...]
    revision: str | None = None
    megabytes: float | None = None
    """Of all files that are served; None where it is not built, as `revision` is."""
    towers: Mapping[str, Tower] = field(default_factory=dict)


def every(models: Path) -> Iterator[Info]:
    """All encoders that are built, ship or have a recipe, in order of names."""
    for name in sorted({*find_folders(models), *recipe_paths(models)}):
        yield describe(models, name)


def describe(models: Path, name: str) -> Info:
    """One encoder.

    Raises:
        ModelError: there is none of this name, or its files are broken.
    """
    folder = find_folders(models).get(name)
    recipe = find_recipe(models, name) if folder is None or name in recipe_paths(models) else None
    if folder is not None:
        return _built(read_manifest(folder), folder, recipe)
    if recipe is None:
        raise ModelError(f"There is no encoder {name!a}")
    folder = pulled_folder(models, name)
    there = all(
        (folder / path).is_file() for role in recipe.files for path in recipe.local_files(role)
    )
    return _of_recipe(recipe, "pulled" if there else "not pulled")


def _of_recipe(recipe: Recipe, state: State) -> Info:
    sources = {file.repository: file.revision for file in recipe.files.values()}
    return Info(
        name=recipe.name,
        title=recipe.title,
        licence=recipe.licence,
        terms=recipe.terms,
        state=state,
        proven=recipe.proven,
        sources=tuple(Source(*one) for one in sources.items()),
        unpinned=tuple(recipe.unpinned),
        preprocessing=recipe.preprocessing,
        text=recipe.text,
        joint=recipe.native.joint,
        prefixes=recipe.nested,
        dimensions=tuple(sorted(recipe.spaces)),
    )


def _built(manifest: Manifest, folder: Path, recipe: Recipe | None) -> Info:
    sources = {source.repository: source.revision for source in manifest.sources}
    return Info(
        name=manifest.name,
        title=manifest.title,
        licence=manifest.licence,
        terms=_terms(manifest, recipe),
        state="built",
        proven=recipe.proven if recipe is not None else manifest.name == SHIPPED,
        sources=tuple(Source(*one) for one in sources.items()),
        unpinned=tuple(recipe.unpinned) if recipe is not None else (),
        preprocessing=manifest.preprocessing,
        text=manifest.text,
        joint=recipe.native.joint if recipe is not None else None,
        prefixes=manifest.nested,
        dimensions=tuple(sorted(space.dimensions for space in manifest.spaces)),
        revision=manifest.revision,
        megabytes=round(sum(file.size for file in manifest.files.every) / 1e6, 1),
        towers=_towers(manifest, folder),
    )


def _terms(manifest: Manifest, recipe: Recipe | None) -> str | None:
    if manifest.name == SHIPPED:
        return SHIPPED_TERMS
    return recipe.terms if recipe is not None else None


def _towers(manifest: Manifest, folder: Path) -> Mapping[str, Tower]:
    schemes = _schemes(folder)
    graphs = {"image": manifest.files.image, "text": manifest.files.text}
    return {
        name: Tower(schemes.get(name, "int8"), round(graph.whole / 1e6, 1))
        for name, graph in graphs.items()
        if graph is not None
    }


def _schemes(folder: Path) -> Mapping[str, str]:
    """How the weights of each tower are kept, as its build recorded it."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
        return {name: tower["scheme"]["name"] for name, tower in record["towers"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}

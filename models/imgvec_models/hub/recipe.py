"""A recipe: which files are pulled for an encoder, pinned by what, and what is built of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, PositiveInt, ValidationError, model_validator

from imgvec.encoders.manifest import (
    Digest,
    ImageInput,
    InnerPath,
    Name,
    Part,
    Preprocessing,
    Sentence,
    TextInput,
    wrong_fields,
)
from imgvec.errors import ModelError

EXPORTED: Final = "open_clip/"
"""The owner of what `imgvec models export` writes, which is in no hub."""
SHIPPED: Final = Path(__file__).parents[1] / "recipes"
Role: TypeAlias = Literal["image", "text", "tokenizer", "preprocessor"]
TEXT: Final[frozenset[Role]] = frozenset({"text", "tokenizer"})
"""The files of a text tower. The image tower is always there, a preprocessor may be."""


@dataclass(frozen=True, slots=True)
class Received:
    """Size in bytes and SHA-256 of a file that is in place."""

    size: int
    sha256: str
    data: "tuple[Received, ...]" = ()
    """Of its external data, in the recipe's order."""
    commit: str | None = None
    """Where it came from; None where the recipe names no commit and none was asked for."""

    @property
    def every(self) -> "tuple[Received, ...]":
        """The file and its external data."""
        return self, *self.data


class DataFile(Part):
    """A file of a graph's external data, which the graph names by its path beside the graph."""

    path: InnerPath
    """In the repository."""
    size: PositiveInt | None
    sha256: Digest | None
    """None: not pinned yet."""


class RemoteFile(Part):
    """One file to pull."""

    repository: Sentence
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None
    """A commit, never a branch; None: not pinned yet, so the newest commit is pulled."""
    path: InnerPath
    licence: Sentence
    size: PositiveInt | None
    """In bytes; None where only the digest is known."""
    sha256: Digest | None
    """None: not pinned yet."""
    data: tuple[DataFile, ...] = ()
    """External data of a graph, in its folder, of the same repository and revision."""

    @model_validator(mode="after")
    def _check_data(self) -> Self:
        folder = PurePosixPath(self.path).parent
        if not all(PurePosixPath(file.path).is_relative_to(folder) for file in self.data):
            raise ValueError("external data lies in the folder of its graph")
        return self


Pin: TypeAlias = RemoteFile | DataFile
"""A file with its size and digest, where they are known."""


class Native(Part):
    """The dimensions of an image tower's native outputs."""

    pooled: PositiveInt | None = None
    """Of the normed features before the projection; None where no graph has them (SigLIP)."""
    joint: PositiveInt


class Embeddings(Part):
    """Names of the embeddings in the pulled towers."""

    image: Sentence
    text: Sentence | None = None


class Recipe(Part):
    """Everything needed to pull and build one encoder."""

    format: Literal[1]
    name: Name
    """The encoder's id, and the name of the recipe's file."""
    title: Sentence
    licence: Sentence
    terms: Sentence | None = None
    """One sentence about a licence that is not for every use; shown at the pull."""
    proven: bool = False
    """Whether the real weights were built and judged by us; `models list` says "unproven" else."""
    files: dict[Role, RemoteFile]
    preprocessing: Preprocessing
    image: ImageInput
    text: TextInput | None = None
    """None where the encoder embeds images only."""
    embeddings: Embeddings
    native: Native
    nested: bool = False
    """Whether it was trained so that a prefix of the joint embedding is an embedding too."""
    spaces: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Dimensions to serve; those above `native.joint` are composed of `native.pooled`."""

    @model_validator(mode="after")
    def _check_roles(self) -> Self:
        text = TEXT & set(self.files)
        parts = {bool(text), text == TEXT, self.text is not None, self.embeddings.text is not None}
        if "image" not in self.files or len(parts) > 1:
            raise ValueError(
                "files must be image, text and tokenizer, or image alone without a text; "
                "they may have a preprocessor"
            )
        return self

    @property
    def unpinned(self) -> list[Role]:
        """The files whose digest, or that of a part, is not known."""
        return [
            role
            for role, file in self.files.items()
            if file.sha256 is None or any(part.sha256 is None for part in file.data)
        ]

    def local_path(self, role: Role) -> str:
        """Where a pulled file lies: its role and its ending; a folder for one with data."""
        file = self.files[role]
        return f"{role}/model.onnx" if file.data else role + Path(file.path).suffix

    def local_files(self, role: Role) -> Mapping[str, Pin]:
        """A pulled file and its external data by place, which lie as the graph names them."""
        file = self.files[role]
        folder = PurePosixPath(file.path).parent
        data = {f"{role}/{PurePosixPath(one.path).relative_to(folder)}": one for one in file.data}
        return {self.local_path(role): file, **data}


def read_recipe(path: Path) -> Recipe:
    """Read a recipe's file.

    Raises:
        ModelError: it is missing or broken; the sentence names the file and the fields.
    """
    try:
        recipe = Recipe.model_validate_json(path.read_bytes())
    except OSError:
        raise ModelError(f"{path} is missing or unreadable") from None
    except ValidationError as problem:
        raise ModelError(f"{path} is broken ({wrong_fields(problem)}): correct it") from None
    if recipe.name != path.stem:
        raise ModelError(f"{path} is for {recipe.name}: rename it to {recipe.name}.json")
    return recipe


def recipe_paths(models: Path) -> Mapping[str, Path]:
    """The recipes' files by name; an operator's own, in `models`/recipes, before those shipped."""
    folders = (SHIPPED, own_recipes(models))
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.json"))}


def own_recipes(models: Path) -> Path:
    """The folder of an operator's own recipes, and of pinned copies."""
    return models / "recipes"


def find_recipe(models: Path, name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        ModelError: there is none, or it is broken; the sentence names those there are.
    """
    paths = recipe_paths(models)
    if name not in paths:
        raise ModelError(
            f"There is no recipe {name!a}; there are: {', '.join(sorted(paths))}. "
            f"Your own go into {own_recipes(models)}"
        )
    return read_recipe(paths[name])


def recipe_name(repository: str) -> str:
    """The name of a recipe that is derived: small letters, digits and hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", repository.partition("/")[2].lower()))


def name_of(repository: str, models: Path) -> str | None:
    """The first recipe whose image tower comes from a repository."""
    found = (
        name
        for name in sorted(recipe_paths(models))
        if find_recipe(models, name).files["image"].repository == repository
    )
    return next(found, None)


def pinned(recipe: Recipe, received: Mapping[Role, Received]) -> Recipe:
    """The recipe with the commit, size and digest of every file that was received."""
    files = {role: _pinned(file, received[role]) for role, file in recipe.files.items()}
    return recipe.model_copy(update={"files": files})


def _pinned(file: RemoteFile, found: Received) -> RemoteFile:
    data = tuple(
        part.model_copy(update={"size": one.size, "sha256": one.sha256})
        for part, one in zip(file.data, found.data, strict=True)
    )
    update = {"size": found.size, "sha256": found.sha256, "data": data}
    return file.model_copy(update={**update, "revision": file.revision or found.commit})


def write_recipe(recipe: Recipe, models: Path) -> Path:
    """Write a recipe among the operator's own, where it comes before a shipped one.

    Raises:
        ModelError: it cannot be written.
    """
    path = own_recipes(models) / f"{recipe.name}.json"
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Files that are not pinned say so: their digests have no default.
        partial.write_text(recipe.model_dump_json(indent=2, exclude_defaults=True) + "\n")
        partial.replace(path)
    except OSError as problem:
        raise ModelError(f"Cannot write {path}: {problem.strerror}") from None
    return path

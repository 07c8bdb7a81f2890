"""A recipe: which files are pulled for an encoder, pinned by what, and what is built of them."""

from collections.abc import Mapping
from pathlib import Path
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

SHIPPED: Final = Path(__file__).parents[1] / "recipes"
Role: TypeAlias = Literal["image", "text", "archive", "tokenizer", "preprocessor"]
ROLES: Final[tuple[frozenset[Role], ...]] = (
    frozenset({"image", "text", "tokenizer"}),
    frozenset({"archive", "tokenizer"}),
)
"""Two towers as ONNX, or one TorchScript archive of both; a preprocessor may be beside them."""


class RemoteFile(Part):
    """One file to pull."""

    repository: Sentence
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
    """A commit, never a branch; outside a hub, the digest that the address carries."""
    path: InnerPath
    address: Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")] | None = None
    """Where the file lies if not on the hub."""
    licence: Sentence
    size: PositiveInt | None
    """In bytes; None where only the digest is known."""
    sha256: Digest | None
    """None: not pinned yet."""

    def url(self, hub: str) -> str:
        """The address to ask; `hub` is a base URL, and its paths are those of Hugging Face."""
        on_hub = f"{hub.rstrip('/')}/{self.repository}/resolve/{self.revision}/{self.path}"
        return self.address or on_hub


class Native(Part):
    """The widths of an image tower's two native outputs."""

    pooled: PositiveInt
    joint: PositiveInt


class Embeddings(Part):
    """What the towers as pulled call their embeddings."""

    image: Sentence
    text: Sentence


class Recipe(Part):
    """Everything needed to pull and build one encoder."""

    format: Literal[1]
    name: Name
    """The encoder's id, and the name of the recipe's file."""
    title: Sentence
    licence: Sentence
    files: dict[Role, RemoteFile]
    preprocessing: Preprocessing
    image: ImageInput
    text: TextInput
    embeddings: Embeddings
    native: Native
    spaces: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Widths to serve; those above `native.joint` are composed."""

    @model_validator(mode="after")
    def _check_roles(self) -> Self:
        if frozenset(self.files) - {"preprocessor"} not in ROLES:
            raise ValueError(
                "files must be image, text and tokenizer, or archive and tokenizer, "
                "and may have a preprocessor"
            )
        return self

    @property
    def unpinned(self) -> list[Role]:
        """The files whose digest is not known."""
        return [role for role, file in self.files.items() if file.sha256 is None]

    def local_path(self, role: Role) -> str:
        """What a pulled file is called: its role and its ending."""
        return role + Path(self.files[role].path).suffix


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

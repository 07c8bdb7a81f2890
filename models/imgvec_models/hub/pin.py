"""Trust on first use: what was pulled becomes what the recipe says, for a person to review."""

from collections.abc import Mapping
from pathlib import Path

from imgvec_models.hub.partial import Received, told
from imgvec_models.hub.recipe import Recipe, Role, own_recipes


def pinned(recipe: Recipe, received: Mapping[Role, Received]) -> Recipe:
    """The recipe with the size and digest of every file that was received."""
    files = {
        role: file.model_copy(update={"size": received[role].size, "sha256": received[role].sha256})
        for role, file in recipe.files.items()
    }
    return recipe.model_copy(update={"files": files})


def write_recipe(recipe: Recipe, models: Path) -> Path:
    """Write a recipe among the operator's own, where it comes before a shipped one."""
    path = own_recipes(models) / f"{recipe.name}.json"
    partial = path.with_suffix(".partial")
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Files that are not pinned say so; a tower that needs no padding says nothing of it.
        unsaid = {} if recipe.text.pad_token else {"text": {"pad_token"}}
        partial.write_text(recipe.model_dump_json(indent=2, exclude=unsaid) + "\n")
        partial.replace(path)
    return path

"""A tower as it was pulled, with the files beside it that a recipe names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnx

from imgvec_models.graphs.load import load
from imgvec_models.hub.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Pulled:
    """A tower as pulled: a graph in a folder, and the files beside it that it may read."""

    folder: Path
    path: str
    data: tuple[str, ...] = ()
    """As the graph names them."""

    def load(self) -> onnx.ModelProto:
        """Read it; nothing in it is trusted.

        Raises:
            ModelError: it is rejected; one sentence.
        """
        return load(self.folder, self.path, data=self.data)

    def __str__(self) -> str:
        """The graph's place."""
        return str(self.folder / self.path)


def pulled_tower(recipe: Recipe, folder: Path, tower: Literal["image", "text"]) -> Pulled:
    """The tower of a recipe, in the folder of its pulled files."""
    graph, *data = (folder / path for path in recipe.local_files(tower))
    names = tuple(path.relative_to(graph.parent).as_posix() for path in data)
    return Pulled(graph.parent, graph.name, names)


def output_widths(recipe: Recipe) -> tuple[int, ...]:
    """The dimensions of the graphs' outputs: a nested space is a prefix of the joint embedding."""
    if not recipe.nested:
        return recipe.spaces
    return tuple(dict.fromkeys(max(width, recipe.native.joint) for width in recipe.spaces))

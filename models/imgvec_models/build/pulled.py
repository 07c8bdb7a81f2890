"""A tower as it was pulled, with the files beside it that a recipe names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import onnx

from imgvec_models.graphs.load import load
from imgvec_models.hub.recipe import Recipe, RemoteFile


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
    place = folder / recipe.local_path(tower)
    return Pulled(place.parent, place.name, tuple(data_of(recipe.files[tower])))


def data_of(file: RemoteFile) -> Sequence[str]:
    """The data files of a graph, as the graph names them: by their place beside it."""
    folder = PurePosixPath(file.path).parent
    return [str(PurePosixPath(one.path).relative_to(folder)) for one in file.data]


def output_widths(recipe: Recipe) -> tuple[int, ...]:
    """The dimensions of the graphs' outputs: a nested space is a prefix of the joint embedding."""
    if not recipe.nested:
        return recipe.spaces
    return tuple(dict.fromkeys(max(width, recipe.native.joint) for width in recipe.spaces))

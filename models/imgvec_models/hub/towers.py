"""A recipe's float32 towers, wherever they come from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgvec_models.hub.export import export
from imgvec_models.hub.recipe import Recipe


@contextmanager
def towers(recipe: Recipe, pulled: Path, work: Path) -> Iterator[Path]:
    """A folder of `image.onnx`, `text.onnx` and the tokenizer: that of the pulled files, or one
    in `work` where an archive is exported to.

    Raises:
        ModelError: the archive is not the recipe's, or not of CLIP's tensors.
    """
    if "archive" not in recipe.files:
        yield pulled
        return
    folder = work / "towers"
    folder.mkdir()
    for role in recipe.files:
        (folder / recipe.local_path(role)).symlink_to(pulled / recipe.local_path(role))
    export(recipe, folder)
    yield folder

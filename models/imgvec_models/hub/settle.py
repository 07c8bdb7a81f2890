"""The parts of a recipe that pulled graphs decide: inputs, outputs, and files of weights."""

from collections.abc import Callable, Set
from pathlib import Path, PurePosixPath
from typing import Final, Literal, TypeAlias

from pydantic import ValidationError

from imgvec.errors import ModelError
from imgvec_models.hub.files import writing
from imgvec_models.hub.graph import Declared, Shape, read_graph
from imgvec_models.hub.recipe import DataFile, Embeddings, Recipe, RemoteFile
from imgvec_models.hub.sources import Listing

Tower: TypeAlias = Literal["image", "text"]
INPUTS: Final[dict[Tower, tuple[Set[str], ...]]] = {
    "image": ({"image"}, {"pixel_values"}),
    "text": ({"text"}, {"input_ids"}, {"input_ids", "attention_mask"}),
}
"""open_clip's exports, transformers', and M-CLIP's."""


def settle(draft: Recipe, folder: Path, listing: Listing) -> Recipe:
    """Complete a recipe whose graphs are pulled to `folder`; a graph with data moves to its place.

    Raises:
        ModelError: a graph has other inputs, outputs or sizes than the configuration says, or
            names a file of weights that the repository does not have.
    """
    size = draft.preprocessing.size
    image = _graph(draft, folder, "image", (None, 3, size, size))
    files = {**draft.files, "image": _with_data(draft.files["image"], image, listing)}
    (name,) = image.inputs
    (output,) = image.outputs
    update: dict[str, object] = {"image": draft.image.model_copy(update={"input": name})}
    embeddings = Embeddings(image=output)
    if draft.text is not None:
        text = _graph(draft, folder, "text", (None, draft.text.max_tokens))
        files["text"] = _with_data(draft.files["text"], text, listing)
        (output,) = text.outputs
        embeddings = Embeddings(image=embeddings.image, text=output)
        mask = "attention_mask" if "attention_mask" in text.inputs else None
        (ids,) = text.inputs.keys() - {mask}
        update["text"] = draft.text.model_copy(update={"ids": ids, "mask": mask})
    recipe = draft.model_copy(update={**update, "files": files, "embeddings": embeddings})
    _move_graphs(draft, recipe, folder)
    return recipe


def with_data_files(recipe: Recipe, folder: Path, listings: Callable[[str], Listing]) -> Recipe:
    """A recipe with the files of weights that its pulled graphs name, where they are not pinned.

    Raises:
        ModelError: a graph names a file that the repository does not have.
    """
    files = dict(recipe.files)
    for tower in INPUTS:
        file = recipe.files.get(tower)
        if file is not None and file.sha256 is None and not file.data:
            found = read_graph(folder / recipe.local_path(tower))
            if found.data:
                files[tower] = _with_data(file, found, listings(file.repository))
    whole = recipe.model_copy(update={"files": files})
    _move_graphs(recipe, whole, folder)
    return whole


def _move_graphs(old: Recipe, new: Recipe, folder: Path) -> None:
    """Bring pulled graphs to the places that the new recipe gives them."""
    for tower in INPUTS:
        if tower in old.files:
            _move(folder / old.local_path(tower), folder / new.local_path(tower))


def _graph(draft: Recipe, folder: Path, tower: Tower, shape: Shape) -> Declared:
    path = folder / draft.local_path(tower)
    found = read_graph(path)
    if found.inputs.keys() not in INPUTS[tower]:
        known = " or ".join(" and ".join(sorted(names)) for names in INPUTS[tower])
        raise ModelError(
            f"The {tower} tower of {draft.name} takes {', '.join(found.inputs)}, and {known} "
            "is known"
        )
    if len(found.outputs) != 1:
        raise ModelError(
            f"The {tower} tower of {draft.name} gives {', '.join(found.outputs)}; it must give "
            "one embedding"
        )
    wanted = [*((one, shape) for one in found.inputs.values())]
    wanted += [(one, (None, draft.native.joint)) for one in found.outputs.values()]
    for declared, expected in wanted:
        if not _agrees(declared, expected):
            raise ModelError(
                f"The {tower} tower of {draft.name} has the shape {_shown(declared)}, and its "
                f"configuration says {_shown(expected)}"
            )
    return found


def _agrees(declared: Shape, expected: Shape) -> bool:
    return len(declared) == len(expected) and all(
        one is None or other is None or one == other
        for one, other in zip(declared, expected, strict=True)
    )


def _shown(shape: Shape) -> str:
    return " x ".join("n" if one is None else str(one) for one in shape)


def _with_data(file: RemoteFile, found: Declared, listing: Listing) -> RemoteFile:
    folder = PurePosixPath(file.path).parent
    paths = [f"{folder}/{name}" for name in sorted(found.data)]
    missing = sorted(set(paths) - listing.paths)
    if missing:
        raise ModelError(
            f"{file.path} keeps weights in {', '.join(missing)}, which {file.repository} "
            "does not have"
        )
    try:
        data = tuple(DataFile(path=path, size=None, sha256=None) for path in paths)
    except ValidationError:
        raise ModelError(
            f"{file.path} keeps weights in a file whose name leaves its folder or is unusual"
        ) from None
    return file.model_copy(update={"data": data})


def _move(old: Path, new: Path) -> None:
    if old != new:
        with writing(new):
            new.parent.mkdir(exist_ok=True)
            old.replace(new)

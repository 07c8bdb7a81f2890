"""Encoders that a local hub has, with the recipe that pins them among an operator's own."""

import hashlib
from pathlib import Path

from imgvec_benchmarks.shapes.sizes import Clip
from imgvec_models.hub.recipe import Received, pinned, write_recipe
from tests.support.models.local_hub import LocalHub, resolve_path
from tests.support.models.thin_clip import shaped_files, shaped_recipe


def offer(hub: LocalHub, name: str, clip: Clip, models: Path) -> None:
    """Put a CLIP of random weights on the hub, and what `imgvec models pin` would write of it."""
    recipe = shaped_recipe(name, clip)
    if clip.joint not in recipe.spaces:
        # A small one: no wider space can be composed of it.
        recipe = recipe.model_copy(update={"spaces": (clip.joint,)})
    files = shaped_files(recipe, clip)
    measured = {
        role: Received(len(data), hashlib.sha256(data).hexdigest()) for role, data in files.items()
    }
    write_recipe(pinned(recipe, measured), models)
    for role, data in files.items():
        hub.files[resolve_path(recipe.files[role])] = data

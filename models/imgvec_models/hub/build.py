"""Building an encoder of pulled files, and putting it in place whole."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial as bind
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from imgvec.encoders.manifest import Manifest
from imgvec.errors import ModelError
from imgvec_models.build.encoder import build_encoder
from imgvec_models.hub.files import present, pulled_folder, writing
from imgvec_models.hub.preprocessor import require_preprocessing
from imgvec_models.hub.pull import located, locked
from imgvec_models.hub.recipe import Recipe
from imgvec_models.progress import Say
from imgvec_models.quality.judge import NOTHING, Given, judge
from imgvec_models.quantisation.scheme import AUTO

WORK: Final = "building-"


@dataclass(frozen=True, slots=True)
class Demands:
    """Conditions of a build."""

    revision: str | None = None
    """A revision or its first 12 digits or more; another one is rejected."""
    unpinned: bool = False
    """Whether files without a digest may be used."""
    scheme: str = AUTO
    """How weights and activations are kept; chosen by measurement if it is `auto`."""
    given: Given = NOTHING
    """Photos on which the build must be as good as its source, besides the calibration's."""


def build(recipe: Recipe, models: Path, demands: Demands, say: Say) -> Manifest:
    """Build `recipe` of its pulled files into `models`/<name>; an older build is replaced.

    Raises:
        ModelError: a file is not pulled, altered or unpinned, the towers or their preprocessing
            are rejected, or the build is not what is demanded; what was there before stays.
    """
    if recipe.unpinned and not demands.unpinned:
        raise ModelError(
            f"{', '.join(recipe.unpinned)} of {recipe.name} {_are(recipe.unpinned)} not pinned: "
            f"`imgvec models pin {recipe.name}` writes the digests, --allow-unpinned builds without"
        )
    pulled = pulled_folder(models, recipe.name)
    with locked(pulled, bind(say, f"{recipe.name} is being pulled or built: waiting")):
        _require_pulled(recipe, pulled)
        recipe = located(recipe, pulled)
        if "preprocessor" in recipe.files:
            config = pulled / recipe.local_path("preprocessor")
            require_preprocessing(config, recipe.preprocessing)
        for left in pulled.glob(f"{WORK}*"):
            # Of a build that was killed: the lock says that none is running.
            shutil.rmtree(left)
        # Two levels down, where no server looks for encoders, and on the same file system.
        with writing(pulled), TemporaryDirectory(dir=pulled, prefix=WORK) as work:
            out = Path(work) / recipe.name
            say(f"Building {recipe.name}: this takes some minutes")
            manifest = build_encoder(pulled, recipe, out, demands.scheme, say=say)
            judge(recipe, pulled, out, demands.given)
            if demands.revision is not None and not _is_revision(manifest, demands.revision):
                raise ModelError(
                    f"The build has the revision {manifest.revision}, not {demands.revision}: "
                    "carry the other build here instead, vectors of two builds do not mix"
                )
            _replace(out, models / recipe.name, Path(work) / "old")
    return manifest


def _is_revision(manifest: Manifest, expected: str) -> bool:
    return len(expected) >= 12 and manifest.revision.startswith(expected)


def _require_pulled(recipe: Recipe, pulled: Path) -> None:
    for role in recipe.files:
        for path, part in recipe.local_files(role).items():
            if present(pulled / path, part) is None:
                raise ModelError(
                    f"{pulled / path} is missing or not as the recipe says: "
                    f"pull it with `imgvec models pull {recipe.name}`"
                )


def _replace(new: Path, place: Path, old: Path) -> None:
    if place.exists():
        place.rename(old)
    new.rename(place)


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"

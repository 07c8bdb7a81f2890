"""Names of models that can be exported: `open_clip:MODEL/PRETRAINED`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imgvec.errors import ModelError
from imgvec_models.hub.recipe import EXPORTED

SCHEME: Final = "open_clip:"
LOCAL: Final = "local-dir:"
"""open_clip's own prefix of a folder with `open_clip_config.json`, and weights if it has any."""
WEIGHTS: Final = frozenset({".safetensors", ".bin", ".pth"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model by open_clip's name, and its weights."""

    model: str
    pretrained: str | None = None
    """A tag of open_clip's; None for random weights, and for a folder."""

    @property
    def folder(self) -> Path | None:
        """The folder that stands in the place of a model's name."""
        return Path(self.model.removeprefix(LOCAL)) if self.model.startswith(LOCAL) else None

    @property
    def random(self) -> bool:
        """Whether there are no weights."""
        if self.folder is None:
            return self.pretrained is None
        return not any(path.suffix in WEIGHTS for path in self.folder.glob("*"))

    @property
    def repository(self) -> str:
        """The folder of the export, `<owner>/<name>` as on the hub."""
        name = self.model if self.folder is None else self.folder.resolve().name
        own = "random" if self.random else "local"
        return f"{EXPORTED}{name}__{self.pretrained or own}"


def read_wanted(name: str) -> Wanted:
    """Read `open_clip:MODEL/PRETRAINED` or `open_clip:local-dir:FOLDER`.

    Raises:
        ModelError: it is neither.
    """
    model, slash, pretrained = name.removeprefix(SCHEME).partition("/")
    if not name.startswith(SCHEME) or not model or not (slash or model.startswith(LOCAL)):
        raise ModelError(
            f"{name!a} names no model: write open_clip:MODEL/PRETRAINED, for example "
            "open_clip:MobileCLIP2-S2/dfndr2b, or open_clip:local-dir:FOLDER"
        )
    if model.startswith(LOCAL):
        return Wanted(name.removeprefix(SCHEME))
    return Wanted(model, pretrained or None)

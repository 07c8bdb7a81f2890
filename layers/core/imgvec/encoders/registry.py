"""Which encoders there are, and which of them serves a space."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imgvec.aliases import Alias
from imgvec.encoders import Encoder
from imgvec.encoders.integrity import MANIFEST, read_manifest
from imgvec.encoders.manifest import Manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError
from imgvec.settings import Settings

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Encoders:
    """Loaded encoders, in order of preference."""

    loaded: tuple[Encoder, ...]

    def __iter__(self) -> Iterator[Encoder]:
        """Go through them in order of preference."""
        return iter(self.loaded)

    def for_dimensions(self, dimensions: int) -> Encoder | None:
        """The first encoder that gives a space of `dimensions`."""
        return next((one for one in self.loaded if dimensions in one.dimensions), None)

    @property
    def dimensions(self) -> frozenset[int]:
        """Those of all of them."""
        return frozenset(one for encoder in self.loaded for one in encoder.dimensions)

    def aliases(self) -> list[Alias]:
        """The encoders' ids as models, by default in the dimensions that each prefers."""
        return [
            Alias(one.name, (one.preferred, *sorted(one.dimensions - {one.preferred})))
            for one in self.loaded
        ]

    def named(self, name: str) -> Encoder | None:
        """The encoder of this id, if it is served."""
        return next((one for one in self.loaded if one.name == name), None)


def shipped_folder() -> Path:
    """The folder of the encoders that come with the wheel or the checkout."""
    in_wheel = PACKAGE / "_models"
    # Three levels up is the checkout. An image has neither folder, which is no error here.
    return in_wheel if in_wheel.is_dir() else (PACKAGE / "../../../models").resolve()


def find_folders(models: Path) -> dict[str, Path]:
    """The folder of every encoder by name: those in `models`, then those that ship."""
    return {
        path.parent.name: path.parent
        for folder in (shipped_folder(), models)
        for path in sorted(folder.glob(f"*/{MANIFEST}"))
    }


def available(models: Path) -> list[Manifest]:
    """The manifests of all encoders that are found, by name; their files are not read.

    Raises:
        ModelError: a manifest is broken; the sentence names it and the fix.
    """
    return [read_manifest(folder) for _, folder in sorted(find_folders(models).items())]


def names_with(models: Path, dimensions: int) -> list[str]:
    """The encoders that are found and have these dimensions; a broken one is left out."""
    found = []
    for name, folder in sorted(find_folders(models).items()):
        with suppress(ModelError):
            if dimensions in (space.dimensions for space in read_manifest(folder).spaces):
                found.append(name)
    return found


def configured_folders(settings: Settings) -> list[Path]:
    """The folders of the configured encoders, in order of preference.

    Raises:
        ModelError: one is unknown; the sentence names it and those that there are.
    """
    folders = find_folders(settings.models)
    for name in settings.encoders:
        if name not in folders:
            raise ModelError(
                f"IMGVEC_ENCODERS names {name}, which is not in {settings.models}; "
                f"there are: {', '.join(sorted(folders)) or 'none'}. To add it: "
                f"`imgvec models pull {name}`, then `imgvec models build {name}`"
            )
    return [folders[name] for name in settings.encoders]


def load_encoders(settings: Settings) -> Encoders:
    """Verify and load the configured encoders, in order of preference.

    Of encoders behind an endpoint the manifests alone are read; their files are there.

    Raises:
        ModelError: one is unknown, or its files are missing, broken or altered; the sentence
            names it and the fix.
    """
    folders = configured_folders(settings)
    if settings.endpoint is None:
        return Encoders(load_here(folders, settings))
    # Imported here, so that a start that encodes pays for neither.
    from imgvec.encoders.sagemaker import SageMakerEncoder
    from imgvec.encoders.sagemaker.client import Endpoint

    endpoint = Endpoint(settings.endpoint, settings.endpoint_component, settings.endpoint_timeout)
    return Encoders(tuple(SageMakerEncoder(read_manifest(folder), endpoint) for folder in folders))


def load_here(folders: Iterable[Path], settings: Settings) -> tuple[OnnxEncoder, ...]:
    """Verify and load encoders into this process.

    Raises:
        ModelError: files are missing, broken or altered; the sentence names them and the fix.
    """
    return tuple(OnnxEncoder(folder, settings.threads, settings.provider) for folder in folders)

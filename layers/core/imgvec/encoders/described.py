"""The properties that an encoder has by its manifest, wherever its graphs run."""

from imgvec.encoders.manifest import Manifest
from imgvec.errors import BadParameter
from imgvec.types import Geometry


class ManifestEncoder:
    """The properties of an `Encoder`; rejects dimensions that it does not have."""

    def __init__(self, manifest: Manifest) -> None:
        """Read once what every request asks for."""
        self._manifest = manifest
        self._revision = manifest.revision
        self._dimensions = frozenset(space.dimensions for space in manifest.spaces)

    @property
    def name(self) -> str:
        """The encoder's id."""
        return self._manifest.name

    @property
    def revision(self) -> str:
        """SHA-256 over weights and preprocessing, 64 hex digits."""
        return self._revision

    @property
    def image_size(self) -> int:
        """Height and width of the pixels it takes."""
        return self._manifest.preprocessing.size

    @property
    def geometry(self) -> Geometry:
        """How a picture becomes those pixels."""
        return self._manifest.preprocessing.geometry

    @property
    def image_tokens(self) -> int:
        """The image graph's own sequence length."""
        return self._manifest.image.tokens

    @property
    def dimensions(self) -> frozenset[int]:
        """The dimensions that it has."""
        return self._dimensions

    @property
    def embeds_text(self) -> bool:
        """Whether it has a text tower."""
        return self._manifest.text is not None

    def _require(self, dimensions: int) -> None:
        if dimensions not in self._dimensions:
            raise BadParameter(f"{self.name} gives no {dimensions} dimensions")

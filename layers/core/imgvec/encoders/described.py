"""What an encoder's manifest says of it, wherever its graphs run."""

from imgvec.encoders.manifest import Manifest
from imgvec.errors import BadParameter


class Described:
    """The properties of an `Encoder`, and the refusal of a space that it does not give."""

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
    def image_tokens(self) -> int:
        """The image graph's own sequence length."""
        return self._manifest.image.tokens

    @property
    def dimensions(self) -> frozenset[int]:
        """Widths of the spaces that it gives."""
        return self._dimensions

    def _require(self, dimensions: int) -> None:
        if dimensions not in self._dimensions:
            raise BadParameter(f"{self.name} gives no {dimensions} dimensions")

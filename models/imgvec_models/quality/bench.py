"""An encoder in one of its spaces, behind the decoding that the service uses."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from imgvec.encoders import Encoder
from imgvec.images.decode import ImageLimits, decode
from imgvec.types import Pixels
from imgvec_models.quality.photos import plain_decode
from imgvec_models.quality.ranking import Matrix

LIMITS = ImageLimits(max_bytes=100_000_000, max_pixels=50_000_000, max_frames=1)


@dataclass(frozen=True, slots=True)
class Bench:
    """An encoder in one of its spaces."""

    encoder: Encoder
    dimensions: int

    def decoded(self, files: Iterable[bytes]) -> list[Pixels]:
        """Decode files as the service does."""
        return [decode(data, self.encoder.image_size, LIMITS) for data in files]

    def plain(self, files: Iterable[bytes]) -> list[Pixels]:
        """Decode files as the training did."""
        return [plain_decode(data, self.encoder.image_size) for data in files]

    def images(self, squares: Iterable[Pixels]) -> Matrix:
        """Embed decoded images."""
        return np.stack([self.encoder.encode_image(one, self.dimensions) for one in squares])

    def texts(self, texts: Iterable[str]) -> Matrix:
        """Embed texts."""
        return np.stack([self.encoder.encode_text(text, self.dimensions)[0] for text in texts])

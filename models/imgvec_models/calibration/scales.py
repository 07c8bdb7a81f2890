"""The factors from floats to 8-bit integers, one for each space of an encoder."""

from pathlib import Path
from typing import Final

import numpy as np

from imgvec.encoders import Encoder
from imgvec.images.decode import decode, limits_of
from imgvec.settings import Settings
from imgvec_models.calibration.feeds import PHOTOS, photo_paths, sentences

PERCENTILE: Final = 99.99
GREATEST: Final = 127


def measure_scales(encoder: Encoder, photos: Path = PHOTOS) -> dict[int, float]:
    """The scale of each space: it brings a percentile of the absolute values to 127.

    The values are those of the calibration's photos and sentences. Three decimals, so that the
    response header tells the very factor.

    Raises:
        ModelError: the folder has no photos.
    """
    limits = limits_of(Settings())
    side, geometry = encoder.image_size, encoder.geometry
    squares = [decode(path.read_bytes(), side, limits, geometry) for path in photo_paths(photos)]
    texts = sentences() if encoder.embeds_text else []
    scales = {}
    for dimensions in encoder.dimensions:
        vectors = [encoder.encode_image(square, dimensions) for square in squares]
        vectors += [encoder.encode_text(text, dimensions)[0] for text in texts]
        top = np.percentile(np.abs(np.concatenate(vectors)), PERCENTILE)
        scales[dimensions] = round(GREATEST / float(top), 3)
    return scales

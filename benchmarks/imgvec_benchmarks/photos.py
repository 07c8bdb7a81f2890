"""Photos that are made up for measuring: soft shapes under a camera's noise."""

import io

import numpy as np
from PIL import Image


def photo(width: int, height: int, format: str = "JPEG") -> bytes:
    """A file of about as many bytes as a camera's."""
    random = np.random.default_rng(0)
    shapes = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8))
    soft = np.asarray(shapes.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    noisy = soft + random.normal(0.0, 3.0, (height, width, 1)).astype(np.float32)
    file = io.BytesIO()
    options = {"quality": 90} if format == "JPEG" else {}
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, format, **options)
    return file.getvalue()

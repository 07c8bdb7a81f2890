"""Calibration inputs, as an encoder's own preprocessing makes them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tokenizers import Tokenizer

from imgvec.encoders.cleaning import cleaned
from imgvec.encoders.manifest import ImageInput, Preprocessing, TextInput
from imgvec.encoders.onnx import normaliser
from imgvec.errors import ModelError
from imgvec.images.geometry import Picture, square
from imgvec.types import Geometry, Pixels
from imgvec_models.graphs.run import Feed

HERE = Path(__file__).parent
PHOTOS = HERE / "photos"
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def image_feeds(
    preprocessing: Preprocessing, names: ImageInput, folder: Path = PHOTOS
) -> list[Feed]:
    """Every photo in `folder`, in order of names: float32 [1, 3, size, size] each.

    Raises:
        ModelError: the folder has no photos.
    """
    normalise = normaliser(preprocessing)
    size, geometry = preprocessing.size, preprocessing.geometry
    return [{names.input: normalise(_pixels(path, size, geometry))} for path in photo_paths(folder)]


def photo_paths(folder: Path) -> list[Path]:
    """The photos in `folder`, in order of names.

    Raises:
        ModelError: there is none.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ModelError(f"{folder} has no photos: put JPEG, PNG or WebP files there")
    return paths


def text_feeds(tokenizer: Path, names: TextInput, texts: Sequence[str] | None = None) -> list[Feed]:
    """Every sentence as the text graph takes it: int64 [1, t] each.

    Raises:
        ModelError: the tokenizer's file cannot be read, or lacks the token that pads.
    """
    read = text_reader(tokenizer, names)
    return [read(text) for text in texts or sentences()]


def text_reader(tokenizer: Path, names: TextInput) -> Callable[[str], Feed]:
    """A function from a text to the text graph's inputs, cleaned and padded as `names` says.

    Raises:
        ModelError: the tokenizer's file cannot be read, or lacks the token that pads.
    """
    try:
        opened = Tokenizer.from_buffer(tokenizer.read_bytes())
    except (OSError, ValueError):
        raise ModelError(f"{tokenizer} is missing or no tokenizer: pull it again") from None
    opened.enable_truncation(names.max_tokens)
    opened.no_padding()
    if names.pad_token is not None:
        pad = opened.token_to_id(names.pad_token)
        if pad is None:
            raise ModelError(f"{tokenizer} has no token {names.pad_token!r}: correct the recipe")
        opened.enable_padding(pad_id=pad, pad_token=names.pad_token, length=names.max_tokens)

    def read(text: str) -> Feed:
        tokens = opened.encode(cleaned(text, names.clean))
        feed = {names.ids: np.array([tokens.ids], np.int64)}
        if names.mask is not None:
            feed[names.mask] = np.array([tokens.attention_mask], np.int64)
        return feed

    return read


def sentences() -> list[str]:
    """Captions, labels and odd texts, written for this purpose."""
    return (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()


def _pixels(path: Path, size: int, geometry: Geometry) -> Pixels:
    """The photo as the encoder's square: uint8 [size, size, 3]."""
    with Image.open(path) as opened:
        photo = opened.convert("RGB")
    return np.asarray(square(Picture(photo, *photo.size), size, geometry))

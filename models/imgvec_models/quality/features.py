"""Quality from cached features: trained heads, applied to what frozen towers once gave.

A features folder holds `.npz` files of `features` [n, width] with `captions` [n, k, width] and a
published `split` (2: the test part), or with `label` [n] and the classes' `prompts`
[sentences, classes, width]. Only what no training may see is measured: test parts, and files
whose name ends in `_test`.

A head is y = W x + W2 relu(W1 x). A heads file (`.npz`) holds `img.{lin,a,b}.{weight,bias}` for
W, W1 and W2, the same under `txt.`, and the `mean` and `std` by which image features are
standardised. With a layout (`widths`, `shares`, `offset`) an output is four equal blocks, each of
one constant and then its parts; a part is of norm sqrt(share / 4), and the constants of images add
`offset` to every similarity of theirs.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgvec.errors import ModelError
from imgvec_models.quality.ranking import (
    Matrix,
    class_vectors,
    image_to_text,
    nearest_neighbours,
    text_to_image,
    unit,
    zero_shot,
)

BLOCKS: Final = 4


class Heads:
    """Both heads of a file."""

    def __init__(self, path: Path) -> None:
        """Read a heads file.

        Raises:
            ModelError: it is missing or holds something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                self._of: dict[str, NDArray[np.float32]] = {name: file[name] for name in file.files}
            self.width: int = self._of["img.lin.weight"].shape[0]
        except (OSError, EOFError, ValueError, KeyError):
            raise ModelError(f"{path} is missing or no file of heads") from None
        self._laid_out = "widths" in self._of

    def images(self, features: NDArray[np.float16]) -> Matrix:
        """Image features `[n, in]` to unit vectors `[n, width]`."""
        standard = (features.astype(np.float32) - self._of["mean"]) / self._of["std"]
        y = self._head("img", standard)
        if not self._laid_out:
            return unit(y)
        offset = float(self._of["offset"])
        blocks = self._parts(y) / np.float32((1 + offset) ** 0.5)
        blocks[..., 0] = (offset / (1 + offset) / BLOCKS) ** 0.5
        return blocks.reshape(y.shape)

    def texts(self, features: NDArray[np.float16]) -> Matrix:
        """Text features `[..., in]`, scaled to norm 1, to unit vectors `[..., width]`."""
        y = self._head("txt", unit(features.astype(np.float32)))
        return self._parts(y).reshape(y.shape) if self._laid_out else unit(y)

    def _head(self, side: str, x: Matrix) -> Matrix:
        hidden = np.maximum(self._linear(f"{side}.a", x), 0)
        return self._linear(f"{side}.lin", x) + self._linear(f"{side}.b", hidden)

    def _linear(self, name: str, x: Matrix) -> Matrix:
        product: Matrix = x @ self._of[f"{name}.weight"].T + self._of[f"{name}.bias"]
        return product

    def _parts(self, y: Matrix) -> Matrix:
        """Blocks `[..., 4, width / 4]` of normalised parts, their constants zero."""
        blocks = y.reshape(*y.shape[:-1], BLOCKS, -1).copy()
        blocks[..., 0] = 0
        start = 1
        for width, share in zip(self._of["widths"], self._of["shares"], strict=True):
            part = slice(start, start + int(width))
            blocks[..., part] = unit(blocks[..., part]) * np.float32((float(share) / BLOCKS) ** 0.5)
            start += int(width)
        return blocks


TEST = 2


def from_features(folder: Path, heads: Heads, dimensions: int) -> Iterator[str]:
    """Retrieval and accuracy in the nested space of `dimensions`."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            if "split" in file.files:
                yield f"{path.stem}, {_retrieval(file, heads, dimensions)}"
            elif "label" in file.files and path.stem.endswith("_test"):
                yield f"{path.stem}, {_classes(file, heads, dimensions)}"


def _retrieval(file: "np.lib.npyio.NpzFile", heads: Heads, dimensions: int) -> str:
    test = file["split"] == TEST
    captions = file["captions"][test]
    count, each, _ = captions.shape
    images = unit(heads.images(file["features"][test])[:, :dimensions])
    texts = unit(heads.texts(captions.reshape(count * each, -1))[:, :dimensions])
    photo = np.repeat(np.arange(count), each)
    return (
        f"{count} photos: text to image R@1/5/10 {text_to_image(images, texts, photo)}, "
        f"image to text {image_to_text(images, texts, photo)}"
    )


def _classes(file: "np.lib.npyio.NpzFile", heads: Heads, dimensions: int) -> str:
    label = file["label"].astype(np.int64)
    images = unit(heads.images(file["features"])[:, :dimensions])
    named = class_vectors(heads.texts(file["prompts"])[..., :dimensions])
    return (
        f"{len(label)} photos: zero-shot {zero_shot(images, named, label):.1%}, "
        f"10-NN {nearest_neighbours(images, label):.1%}"
    )

"""Quality from cached features: heads applied to what frozen towers once gave.

A features folder holds `.npz` files of `features` [n, width] with `captions` [n, k, width] and a
published `split` (2: the test part), or with `label` [n] and the classes' `prompts`
[sentences, classes, width]. Only what no training may see is measured: test parts, and files
whose name ends in `_test`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from imgvec_models.quality.heads import Heads
from imgvec_models.quality.ranking import (
    class_vectors,
    image_to_text,
    nearest_neighbours,
    text_to_image,
    unit,
    zero_shot,
)

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

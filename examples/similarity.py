"""Similarity search: the photos that are most like a photo, or that fit a text."""

import numpy as np

from imgvec import Encoder
from photos import LABELS, PATHS

encoder = Encoder()
vectors = encoder.images(PATHS)


def search(query: np.ndarray, count: int) -> list[int]:
    """The places of the most similar photos; on vectors of norm 1 the cosine is a product."""
    return list(np.argsort(-(vectors @ query))[:count])


def show(title: str, query: np.ndarray, places: list[int]) -> None:
    """Print photos with their cosines."""
    print(f"{title}:", *(f"{PATHS[i].stem} {vectors[i] @ query:.2f}" for i in places), sep="  ")


like = vectors[PATHS.index(next(path for path in PATHS if path.stem == "chelsea-7"))]
show("like chelsea-7", like, search(like, 5)[1:])
(text,) = encoder.texts(["a cup of coffee"])
show("a cup of coffee", text, search(text, 4))

cosines = vectors @ vectors.T
np.fill_diagonal(cosines, -1)
right = [LABELS[row.argmax()] == label for row, label in zip(cosines, LABELS, strict=True)]
print(f"the nearest photo is of the same picture: {sum(right)} of {len(right)}")

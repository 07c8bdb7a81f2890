"""The files that the recipes of vector stores index, photos and edits of them, and queries."""

import numpy as np

from imgvec import Encoder
from photos import PATHS, edited, turned

encoder = Encoder()
files = {path.stem: path.read_bytes() for path in PATHS}
for path in PATHS:
    edits = edited(path)
    files |= {f"{path.stem}, {kind}": edits[kind] for kind in ("JPEG q30", "80 % crop", "flipped")}
names = list(files)
vectors = encoder.images(files.values())
queries = encoder.images([turned(path, 10) for path in PATHS])
exact = np.argsort(-(queries @ vectors.T))[:, :5]


def recall(found: np.ndarray) -> str:
    """The share of the five nearest files that a store finds; `found` is of their places."""
    both = [
        set(one) & set(other) for one, other in zip(found.tolist(), exact.tolist(), strict=True)
    ]
    return f"recall@5 {sum(map(len, both)) / exact.size:.3f}"

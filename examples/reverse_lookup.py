"""Reverse lookup: which photo of a collection is this file made of, if any?"""

import numpy as np

from imgvec import Encoder
from photos import PATHS, edited, turned

FLOOR = 0.85
encoder = Encoder()
gallery = encoder.images(PATHS)
own = np.arange(len(PATHS))


def show(title: str, cosines: np.ndarray) -> None:
    """Print how many queries find their own photo first, with a cosine from FLOOR on."""
    first = cosines.argmax(axis=1) == own
    high = first & (cosines.max(axis=1) >= FLOOR)
    print(f"{title}: first {first.sum()} of {len(own)}, from {FLOOR} on {high.sum()}")


copies = [edited(path) for path in PATHS]
for kind in copies[0]:
    show(kind, encoder.images([copy[kind] for copy in copies]) @ gallery.T)
by_turn = [encoder.images([turned(path, turn) for path in PATHS]) for turn in (90, 180, 270)]
for turn, queries in zip((90, 180, 270), by_turn, strict=True):
    show(f"turned by {turn}", queries @ gallery.T)

# A query that may be turned is asked in four turns; one is upright, and the best answer counts.
best = np.max([queries @ gallery.T for queries in [gallery, *by_turn]], axis=0)
show("asked in four turns", best)

strange = [path.stem for path in PATHS].index("horse-0")
nearest = np.delete(gallery @ gallery[strange], strange).max()
print(f"a photo whose original is not there: nearest at {nearest:.2f}")

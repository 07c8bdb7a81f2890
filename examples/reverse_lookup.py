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
for degrees in (90, 180, 270):
    query = [turned(path, degrees) for path in PATHS]
    show(f"turned by {degrees}", encoder.images(query) @ gallery.T)

# A query that may be turned is asked four times; the best of the four answers counts.
queries = [
    encoder.images([turned(path, 90 + more) for path in PATHS]) for more in range(0, 360, 90)
]
show("turned by 90, asked in four turns", np.max([query @ gallery.T for query in queries], axis=0))

strange = [path.stem for path in PATHS].index("horse-0")
nearest = np.delete(gallery @ gallery[strange], strange).max()
print(f"a photo whose original is not there: nearest at {nearest:.2f}")

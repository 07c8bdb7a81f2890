"""Moderation: uploads that resemble flagged photos, for a person to look at. No detector."""

import numpy as np

from imgvec import Encoder
from photos import LABELS, PATHS

FLAGGED = "rocket"
encoder = Encoder()
vectors = encoder.images(PATHS)
wanted = LABELS == FLAGGED
known = np.flatnonzero(wanted)[:3]
uploads = np.setdiff1d(np.arange(len(PATHS)), known)
bad = wanted[uploads]

scores = (vectors[uploads] @ vectors[known].T).max(axis=1)
first = np.argsort(-scores)[: bad.sum()]
print(f"{len(known)} flagged photos, {len(uploads)} uploads, {bad.sum()} of the flagged kind")
print(f"of the {len(first)} uploads nearest to a flagged photo, {bad[first].sum()} are of the kind")
for floor in (0.80, 0.85, 0.90, 0.95):
    found = scores >= floor
    print(f"from {floor:.2f}: {found.sum()} uploads, {(found & bad).sum()} of the kind")

(text,) = encoder.texts(["a rocket on its launch pad"])
first = np.argsort(-(vectors[uploads] @ text))[: bad.sum()]
print(f"by the text alone, {bad[first].sum()} of the {len(first)} first are")

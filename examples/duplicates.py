"""Duplicates: pairs of files that show the same photo, found by a threshold of the cosine."""

import numpy as np

from imgvec import Encoder
from photos import FIRSTS, edited

files, owners = [], []
for number, path in enumerate(FIRSTS):
    for data in [path.read_bytes(), *edited(path).values()]:
        files.append(data)
        owners.append(number)
vectors = Encoder().images(files)

rows, columns = np.triu_indices(len(files), k=1)
cosines = (vectors @ vectors.T)[rows, columns]
owner = np.array(owners)
same = owner[rows] == owner[columns]
print(f"{len(files)} files, {same.sum()} pairs of the same photo, {(~same).sum()} of others")
for threshold in (0.80, 0.85, 0.90, 0.92, 0.95):
    found = cosines >= threshold
    right = (found & same).sum()
    print(
        f"from {threshold:.2f}: {found.sum()} pairs, "
        f"precision {right / found.sum():.2f}, recall {right / same.sum():.2f}"
    )

"""Recommendation: more like these, less like those."""

import numpy as np

from imgvec import Encoder
from photos import LABELS, PATHS

vectors = Encoder().images(PATHS)
names = [path.stem for path in PATHS]


def recommend(liked: list[str], disliked: list[str], count: int = 5) -> list[int]:
    """Photos near the mean of those liked, and away from the mean of those disliked."""
    seen = [names.index(name) for name in liked + disliked]
    taste = vectors[seen[: len(liked)]].mean(axis=0)
    if disliked:
        taste = taste - 0.5 * vectors[seen[len(liked) :]].mean(axis=0)
    scores = vectors @ taste
    scores[seen] = -np.inf
    return list(np.argsort(-scores)[:count])


def show(title: str, places: list[int]) -> None:
    """Print photos by name."""
    print(f"{title}:", *(names[place] for place in places))


show("like coffee-0 and chelsea-0", recommend(["coffee-0", "chelsea-0"], []))
show("less like chelsea-5", recommend(["coffee-0", "chelsea-0"], ["chelsea-5"]))
right = [
    LABELS[place] == label
    for label in ("astronaut", "camera", "chelsea", "coffee", "rocket")
    for place in recommend([f"{label}-0", f"{label}-1"], [])
]
print(f"of the kind that two photos are of: {sum(right)} of {len(right)}")

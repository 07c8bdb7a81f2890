"""Tags: by the tag's words alone, by the mean of few examples, by a linear head."""

import numpy as np

from imgvec import Encoder
from photos import LABELS, PATHS

TAGS = {
    "astronaut": "an astronaut in an orange suit",
    "camera": "a black and white photo of a man with a camera",
    "chelsea": "a cat",
    "clock": "a blurred clock",
    "coffee": "a cup of coffee",
    "hubble_deep_field": "galaxies in space",
    "retina": "the retina of an eye",
    "rocket": "a rocket",
}
EXAMPLES, ROUNDS = 2, 50
encoder = Encoder()
chosen = np.isin(LABELS, list(TAGS))
vectors = encoder.images([path for path, here in zip(PATHS, chosen, strict=True) if here])
label = np.array([list(TAGS).index(name) for name in LABELS[chosen]])
by_words = (vectors @ encoder.texts(TAGS.values()).T).argmax(axis=1)
print(f"{len(label)} photos, {len(TAGS)} tags; by words alone: {(by_words == label).mean():.0%}")

rng, means, heads = np.random.default_rng(0), [], []
for _ in range(ROUNDS):
    order = rng.permutation(len(label))
    known = np.concatenate([order[label[order] == tag][:EXAMPLES] for tag in range(len(TAGS))])
    rest = np.setdiff1d(order, known)
    # Vectors of images have a mean of their own: without it, what differs is seen better.
    x, y = vectors - vectors[known].mean(axis=0), np.eye(len(TAGS))[label]
    centres = y[known].T @ x[known]
    means.append((x[rest] @ centres.T).argmax(axis=1) == label[rest])
    products = x[known] @ x[known].T + 0.1 * np.eye(len(known))
    weights = x[known].T @ np.linalg.solve(products, y[known])
    heads.append((x[rest] @ weights).argmax(axis=1) == label[rest])
print(f"{EXAMPLES} examples a tag, nearest mean: {np.mean(means):.0%}, head: {np.mean(heads):.0%}")

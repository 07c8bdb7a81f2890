"""Clusters: complete linkage, k-means and DBSCAN of scikit-learn, and what each makes of photos."""

import numpy as np
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans

from imgvec import Encoder
from photos import LABELS, PATHS

vectors = Encoder().images(PATHS)


def report(name: str, groups: np.ndarray) -> None:
    """Print how many groups there are, the largest, and how many photos are with their like."""
    members = [LABELS[groups == group] for group in range(groups.max() + 1)]
    largest = max(map(len, members))
    pure = sum(np.unique(one, return_counts=True)[1].max() for one in members)
    alone = (groups < 0).sum()
    print(
        f"{name}: {len(members)} groups, largest {largest}, alone {alone}, "
        f"in place {pure / (len(PATHS) - alone):.0%}"
    )


for floor in (0.75, 0.80, 0.85):
    linkage = AgglomerativeClustering(
        None, metric="cosine", linkage="complete", distance_threshold=1 - floor
    )
    report(f"complete linkage, each pair at least {floor:.2f}", linkage.fit_predict(vectors))
for count in (5, 13):
    report(f"k-means, k={count}", KMeans(count, n_init=10, random_state=0).fit_predict(vectors))
for eps in (0.05, 0.10, 0.12, 0.15, 0.20, 0.25):
    dbscan = DBSCAN(eps=eps, min_samples=2, metric="cosine")
    report(f"DBSCAN, eps={eps:.2f}", dbscan.fit_predict(vectors))

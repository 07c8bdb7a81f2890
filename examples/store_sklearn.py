"""scikit-learn: exact search."""

from sklearn.neighbors import NearestNeighbors

from collection import queries, recall, vectors

neighbours = NearestNeighbors(n_neighbors=5, metric="cosine").fit(vectors)
print(recall(neighbours.kneighbors(queries, return_distance=False)))

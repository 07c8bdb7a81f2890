"""usearch: HNSW in float32 and in 8-bit integers, with and without the constants of `starter`."""

import numpy as np

from collection import queries, recall, vectors


def found(dtype: str, vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The places of the five nearest."""
    # Imported after ONNX Runtime: in the other order, usearch 2.26 crashes the process.
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="cos", dtype=dtype)
    index.add(np.arange(len(vectors)), vectors)
    return np.asarray(index.search(queries, 5).keys)


print("f32:", recall(found("f32", vectors, queries)))
print("i8:", recall(found("i8", vectors, queries)))
# Each block of 256 numbers of `starter` begins with one that is the same for all images.
plain = np.delete(vectors, np.s_[::256], axis=1)
asked = np.delete(queries, np.s_[::256], axis=1)
print("i8 without the constants:", recall(found("i8", plain, asked)))

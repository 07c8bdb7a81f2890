"""faiss: exact search, HNSW, and 8-bit integers."""

import faiss

from collection import queries, recall, vectors

dimensions = vectors.shape[1]
for name in ("Flat", "HNSW32,Flat", "SQ8", "HNSW32,SQ8"):
    index = faiss.index_factory(dimensions, name, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    _, found = index.search(queries, 5)
    print(f"{name}: {recall(found)}")

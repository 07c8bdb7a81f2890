"""Qdrant in local mode; with a server, only the client's argument differs."""

import numpy as np
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, PointStruct, VectorParams

from collection import encoder, names, queries, recall, vectors

client = QdrantClient(":memory:")
space = VectorParams(size=encoder.dimensions, distance=Distance.COSINE)
client.create_collection("photos", vectors_config=space)
points = [
    PointStruct(id=place, vector=vector.tolist(), payload={"name": names[place]})
    for place, vector in enumerate(vectors)
]
client.upsert("photos", points)


def search(query: np.ndarray) -> list[int]:
    """The places of the five nearest."""
    return [point.id for point in client.query_points("photos", query.tolist(), limit=5).points]


print(recall(np.array([search(query) for query in queries])))
(text,) = encoder.texts(["a cup of coffee"])
print("a cup of coffee:", names[search(text)[0]])
client.close()

"""Milvus Lite in a file; with a server, only the client's argument differs."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pymilvus import MilvusClient

from collection import encoder, names, queries, recall, vectors

with TemporaryDirectory() as folder:
    client = MilvusClient(str(Path(folder, "photos.db")))
    client.create_collection("photos", dimension=encoder.dimensions, metric_type="COSINE")
    rows = [
        {"id": place, "vector": vector, "name": names[place]}
        for place, vector in enumerate(vectors)
    ]
    client.insert("photos", rows)
    found = client.search("photos", data=list(queries), limit=5)
    print(recall(np.array([[hit["id"] for hit in hits] for hits in found])))
    found = client.search("photos", data=encoder.texts(["a cup of coffee"]), limit=1)
    print("a cup of coffee:", names[found[0][0]["id"]])
    client.close()

"""LanceDB in a folder."""

from tempfile import TemporaryDirectory

import lancedb
import numpy as np

from collection import encoder, names, queries, recall, vectors

with TemporaryDirectory() as folder:
    rows = [{"name": name, "vector": vector} for name, vector in zip(names, vectors, strict=True)]
    table = lancedb.connect(folder).create_table("photos", rows)

    def search(query: np.ndarray) -> list[int]:
        """The places of the five nearest."""
        found = table.search(query).distance_type("cosine").limit(5).to_list()
        return [names.index(row["name"]) for row in found]

    print(recall(np.array([search(query) for query in queries])))
    (text,) = encoder.texts(["a cup of coffee"])
    print("a cup of coffee:", names[search(text)[0]])

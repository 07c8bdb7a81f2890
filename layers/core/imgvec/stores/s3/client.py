"""boto3's client, and what of it is used."""

import os
from collections.abc import Iterator, Mapping
from typing import Protocol, TypedDict


class Stream(Protocol):
    """The body of an object."""

    def read(self) -> bytes:
        """All of it."""

    def iter_chunks(self, chunk_size: int) -> Iterator[bytes]:
        """Pieces of it."""


class Answer(TypedDict, total=False):
    """What is read of S3's answers."""

    Body: Stream
    ContentLength: int
    VersionId: str


class Client(Protocol):
    """The calls that are made, each with the arguments that S3 names."""

    def get_object(self, **arguments: object) -> Answer:
        """GetObject."""

    def head_object(self, **arguments: object) -> Answer:
        """HeadObject."""

    def put_object(self, **arguments: object) -> Answer:
        """PutObject."""

    def delete_object(self, **arguments: object) -> Answer:
        """DeleteObject."""

    def generate_presigned_url(
        self, operation: str, Params: Mapping[str, object], ExpiresIn: int
    ) -> str:
        """Sign an address; nothing is sent."""

    def close(self) -> None:
        """Close the connections."""


def make_client() -> Client:
    """A client for the region and credentials of the environment.

    Virtual addressing and version 4 signatures, because boto3 still signs addresses the old way. An
    emulator (`AWS_ENDPOINT_URL`) has no names below its own.
    """
    # Slow to import, and not needed on a laptop.
    import boto3
    from botocore.config import Config

    style = "path" if os.environ.get("AWS_ENDPOINT_URL") else "virtual"
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": style},
        connect_timeout=1,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    client: Client = boto3.client("s3", config=config)
    return client

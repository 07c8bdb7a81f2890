"""The bytes of assets in a private S3 bucket with versions.

    assets/<hash of the id>     what can be read; written once
    incoming/<asset id>         what a client put there by a signed address, not judged yet

A signed PUT has no limit of size and can be repeated, so nothing below `incoming/` is ever read as
an asset: what arrives is judged, copied in the version that was judged, and removed.
"""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypedDict

from imgvec.errors import StoreError, TooFast

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def make_client() -> "S3Client":
    """A client for the region and credentials of the environment.

    Virtual addressing and version 4 signatures, because boto3 still signs addresses the old way. An
    emulator (`AWS_ENDPOINT_URL`) has no names below its own.
    """
    # Slow to import, and not needed on a laptop.
    import boto3
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if os.environ.get("AWS_ENDPOINT_URL") else "virtual"},
        connect_timeout=1,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return boto3.client("s3", config=config)


ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
TAKEN: Final = frozenset({"412", "PreconditionFailed"})
AT_WORK: Final = frozenset({"409", "ConditionalRequestConflict"})
BUSY: Final = frozenset({"503", "RequestLimitExceeded", "ServiceUnavailable", "SlowDown"})
FAULTS: Final = frozenset({"500", "InternalError"})


class AbsentError(Exception):
    """There is no such object."""


class TakenError(Exception):
    """There is such an object, and it was to be a new one."""


class AtWorkError(Exception):
    """Somebody else is about to write the same object."""


class RejectedError(StoreError):
    """S3 rejects a request, and would reject it again."""


@contextmanager
def reported() -> Iterator[None]:
    """Say in our words what S3 says of a call.

    Raises:
        AbsentError, TakenError, AtWorkError: what the store itself has an answer to.
        TooFast: S3 asks to slow down.
        RejectedError: S3 rejects it for another reason.
        StoreError: S3 has a fault, or cannot be reached.
    """
    # Loaded with the client by now.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as problem:
        code = problem.response["Error"]["Code"]
        if code in ABSENT:
            raise AbsentError from None
        if code in TAKEN:
            raise TakenError from None
        if code in AT_WORK:
            raise AtWorkError from None
        if code in BUSY:
            raise TooFast from None
        kind = StoreError if code in FAULTS else RejectedError
        raise kind(f"S3 rejects a request: {code}.") from problem
    except BotoCoreError as problem:
        raise StoreError(f"S3 cannot be reached: {type(problem).__name__}.") from problem


INCOMING: Final = "incoming/"
CHUNK: Final = 1 << 20


class _Object(TypedDict):
    Bucket: str
    Key: str


class S3Blobs:
    """A `BlobStore` and a `DirectAccess`, shared by many processes.

    Every method may raise `StoreError`, or `TooFast` where S3 asks to slow down.
    """

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        """Make the client, once; nothing is asked of S3 yet."""
        self._bucket = bucket
        self._client = client or make_client()

    def write(self, asset_id: str, data: Iterable[bytes]) -> int:
        """Store the bytes and give their number; the first whole blob of an id stands."""
        whole = b"".join(data)
        while True:
            try:
                with reported():
                    self._client.put_object(**self._blob(asset_id), Body=whole, IfNoneMatch="*")
                return len(whole)
            except AtWorkError:
                # Another upload of the same id is running; the first that completes stands.
                continue
            except TakenError:
                with reported():
                    return self._client.head_object(**self._blob(asset_id))["ContentLength"]

    def read(self, asset_id: str) -> bytes | None:
        """All bytes, or None where there is no such blob."""
        with suppress(AbsentError), reported():
            return self._client.get_object(**self._blob(asset_id))["Body"].read()
        return None

    def open(self, asset_id: str) -> BinaryIO | None:
        """All bytes, read already: clients get an address instead, and read past this service."""
        data = self.read(asset_id)
        return None if data is None else io.BytesIO(data)

    def delete(self, asset_id: str) -> None:
        """Remove the blob and what may still lie in wait for it; absent is fine."""
        with reported():
            self._client.delete_object(**self._blob(asset_id))
        self.discard(asset_id)

    def purge(self, asset_id: str) -> None:
        """Remove all versions of the blob and of what a client put there; absent is fine."""
        pages = self._client.get_paginator("list_object_versions")
        for place in (self._blob(asset_id), self._incoming(asset_id)):
            with reported():
                for page in pages.paginate(Bucket=self._bucket, Prefix=place["Key"]):
                    found = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
                    for one in found:
                        # Other keys may begin with the same letters.
                        if one["Key"] == place["Key"]:
                            self._client.delete_object(**place, VersionId=one["VersionId"])

    def put_address(self, asset_id: str, seconds: int) -> str:
        """Where a client may PUT the bytes, without a key of ours, under any media type."""
        return self._client.generate_presigned_url(
            "put_object", self._incoming(asset_id), ExpiresIn=seconds
        )

    def get_address(self, asset_id: str, seconds: int, headers: Mapping[str, str]) -> str:
        """Where a client may GET the bytes; `headers` are those of S3's answer, by S3's names."""
        return self._client.generate_presigned_url(
            "get_object", {**self._blob(asset_id), **headers}, ExpiresIn=seconds
        )

    def arrived(self, asset_id: str) -> Iterator[bytes] | None:
        """The bytes that were put there, of one version whatever follows; None where none were."""
        with suppress(AbsentError), reported():
            head = self._client.head_object(**self._incoming(asset_id))
            version: dict[str, Any] = (
                {"VersionId": head["VersionId"]} if "VersionId" in head else {}
            )
            answer = self._client.get_object(**self._incoming(asset_id), **version)
            return answer["Body"].iter_chunks(CHUNK)
        return None

    def discard(self, asset_id: str) -> None:
        """Remove what was put there; absent is fine."""
        with reported():
            self._client.delete_object(**self._incoming(asset_id))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _blob(self, asset_id: str) -> _Object:
        name = hashlib.sha256(asset_id.encode()).hexdigest()
        return {"Bucket": self._bucket, "Key": f"assets/{name}"}

    def _incoming(self, asset_id: str) -> _Object:
        return {"Bucket": self._bucket, "Key": f"{INCOMING}{asset_id}"}

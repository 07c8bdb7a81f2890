"""Objects of one S3 bucket: what a bulk job reads and writes."""

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from imgvec.errors import StoreError
from imgvec.stores.s3 import AbsentError, AtWorkError, TakenError, make_client, reported

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from mypy_boto3_s3 import S3Client

IMAGES: Final = "images"
"""Metadata of a part: the number of its rows, which are counted."""
BLOCK: Final = 1 << 20


class Objects:
    """Keys and bytes of a bucket. Every method may raise `StoreError`, or `TooFast`."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        """Make the client, unless one is given; nothing is asked of S3 yet."""
        self.bucket = bucket
        self._client = client or make_client()

    def beside(self, bucket: str) -> "Objects":
        """Another bucket, by the same connections."""
        return Objects(bucket, self._client)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def read(self, key: str, begin: int = 0, end: int | None = None) -> bytes | None:
        """All bytes, or those from `begin` to before `end`; None where there is no such object."""
        if end is not None and end <= begin:
            return b""
        with suppress(AbsentError), reported():
            if end is None:
                return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            part = f"bytes={begin}-{end - 1}"
            return self._client.get_object(Bucket=self.bucket, Key=key, Range=part)["Body"].read()
        return None

    def write(self, key: str, data: bytes) -> None:
        """Write an object, in the place of one that is there."""
        with reported():
            self._client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def write_new(self, key: str, data: bytes, images: int = 0) -> bool:
        """Write an object, with its number of images; False where there is one."""
        try:
            with reported():
                self._client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=data,
                    IfNoneMatch="*",
                    Metadata={IMAGES: str(images)},
                )
        except TakenError:
            return False
        except AtWorkError:
            raise StoreError(f"Another writer of {key} is at work.") from None
        return True

    def images(self, key: str) -> int | None:
        """The number that `write_new` has written; None where there is no such object."""
        with suppress(AbsentError), reported():
            found = self._client.head_object(Bucket=self.bucket, Key=key)["Metadata"]
            return int(found[IMAGES])
        return None

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return self._size(key) is not None

    def delete(self, key: str) -> None:
        """Delete an object; absent is fine."""
        with reported():
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in their order; a thousand a request."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        with reported():
            for page in pages:
                for one in page.get("Contents", ()):
                    yield one["Key"]

    def open(self, key: str) -> io.BufferedReader | None:
        """A file that reads ranges of an object; None where there is no such object."""
        size = self._size(key)
        return None if size is None else io.BufferedReader(_Ranges(self, key, size), BLOCK)

    def _size(self, key: str) -> int | None:
        with suppress(AbsentError), reported():
            return self._client.head_object(Bucket=self.bucket, Key=key)["ContentLength"]
        return None


class _Ranges(io.RawIOBase):
    """An object as a file that can be sought in."""

    def __init__(self, objects: Objects, key: str, size: int) -> None:
        self._objects = objects
        self._key = key
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = begin + offset
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        end = min(self._at + len(view), self._size)
        data = self._objects.read(self._key, self._at, end) or b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

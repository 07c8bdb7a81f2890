"""Weaviate's module multi2vec-clip, at one mount for each number of dimensions."""

from base64 import b64decode
from typing import Final

from imgvec.request_head import RequestHead, bearer, raw

DIMENSIONS: Final = (512, 768, 1024)


def password(value: str) -> str:
    """The password of Basic authorization, which Go makes of a URL's user information."""
    scheme, _, token = value.strip().partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(token).decode().partition(":")[2]
    except ValueError:
        return ""


def password_or_bearer(value: str) -> str:
    """A key as password, or behind `Bearer`."""
    return password(value) or bearer(value)


HEAD: Final = RequestHead(
    ("",),
    headers={"authorization": password_or_bearer, "x-api-key": raw},
    mounts=tuple(f"/weaviate/{one}" for one in DIMENSIONS),
)

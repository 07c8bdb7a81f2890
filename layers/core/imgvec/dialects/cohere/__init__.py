"""Cohere's embed, versions 1 and 2."""

from typing import Final

from imgvec.request_head import RequestHead, bearer, raw

HEAD: Final = RequestHead(
    # The last one is for all other paths below the second mount.
    ("/v1/embed", "/v1/check-api-key", "/v2", "/cohere"),
    headers={"authorization": bearer, "x-api-key": raw},
    mounts=("", "/cohere"),
)

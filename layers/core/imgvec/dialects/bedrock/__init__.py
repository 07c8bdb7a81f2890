"""Amazon Bedrock's runtime: the invocation of embedding models.

The AWS SDKs send a key as a bearer token, or as the session token beside a signature. The signature
is not verified: `Authorization` then has another scheme, and no key is read from it.
"""

from typing import Final

from imgvec.request_head import RequestHead, bearer, raw

HEAD: Final = RequestHead(
    ("",),
    headers={"authorization": bearer, "x-amz-security-token": raw},
    mounts=("/bedrock",),
)

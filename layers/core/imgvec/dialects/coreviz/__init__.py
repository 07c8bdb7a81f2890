"""CoreViz image embeddings."""

from typing import Final

from imgvec.request_head import RequestHead, bearer, raw

HEAD: Final = RequestHead(("/api/ai",), headers={"x-api-key": raw, "authorization": bearer})

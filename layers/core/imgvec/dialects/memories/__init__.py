"""memories.ai: embeddings and assets."""

from typing import Final

from imgvec.request_head import RequestHead, bare

BASE: Final = "/serve/api/v2"
HEAD: Final = RequestHead((BASE,), headers={"authorization": bare})

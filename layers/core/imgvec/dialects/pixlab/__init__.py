"""PixLab: img-embed, LLM image embed and store."""

from typing import Final

from imgvec.request_head import RequestHead, raw

HEAD: Final = RequestHead(
    ("/imgembed", "/llmimgembed", "/store"), headers={"www-authenticate": raw}, query=("key",)
)

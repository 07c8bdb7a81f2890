"""OpenAI, Jina, infinity, vLLM and Voyage: one dialect, because the vendors share its path."""

from typing import Final

from imgvec.request_head import RequestHead, bearer, raw

HEAD: Final = RequestHead(
    (
        "/v1",
        "/embeddings",
        "/models",
        "/openai",
        "/jina",
        "/infinity",
        "/voyage",
        "/cohere/v1/models",
    ),
    headers={"authorization": bearer, "x-api-key": raw},
)

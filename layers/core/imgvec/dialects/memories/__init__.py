"""memories.ai: embeddings and assets."""

from typing import Final

from imgvec.dialects.head_keys import HeadKeys

HEAD_KEYS: Final = HeadKeys(headers=("authorization",))

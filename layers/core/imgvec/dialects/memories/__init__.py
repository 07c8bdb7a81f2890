"""memories.ai: embeddings and assets."""

from typing import Final

from imgvec.dialects import HeadKeys

HEAD_KEYS: Final = HeadKeys(headers=("authorization",))

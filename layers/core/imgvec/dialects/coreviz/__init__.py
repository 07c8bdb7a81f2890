"""CoreViz image embeddings."""

from typing import Final

from imgvec.dialects import HeadKeys

HEAD_KEYS: Final = HeadKeys(headers=("x-api-key", "authorization"))

"""PixLab: img-embed, LLM image embed and store."""

from typing import Final

from imgvec.dialects import HeadKeys

HEAD_KEYS: Final = HeadKeys(headers=("www-authenticate",), query=("key",))

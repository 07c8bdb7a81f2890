"""The models that are served, and the names by which they are invoked."""

import re
from typing import Final

from imgvec.aliases import Alias, find_alias

TITAN: Final = Alias("amazon.titan-embed-image-v1", (1024,))
COHERE_ENGLISH: Final = Alias("cohere.embed-english-v3", (1024,))
COHERE_MULTILINGUAL: Final = Alias("cohere.embed-multilingual-v3", (1024,))
# The vendors' own defaults are 1536 and 3072.
COHERE_FOUR: Final = Alias("cohere.embed-v4", (512, 1024), has_default=False)
NOVA: Final = Alias("amazon.nova-2-multimodal-embeddings-v1", (1024,), has_default=False)
ALIASES: Final = (TITAN, COHERE_ENGLISH, COHERE_MULTILINGUAL, COHERE_FOUR, NOVA)

VERSION: Final = ":0"
"""The end of many ids, which may be left out."""
_REGION: Final = re.compile(r"^[a-z-]+\.(?=(amazon|cohere)\.)")


def find_model(model_id: str) -> Alias:
    """The model of an id: its name, that of an inference profile, or an ARN of either.

    Raises:
        UnknownModel: there is none; the message lists the known names.
    """
    name = _REGION.sub("", model_id.rpartition("/")[2])
    return find_alias(ALIASES, name.removesuffix(VERSION))

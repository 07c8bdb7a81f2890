"""Cohere's Embed v3 and v4 on Bedrock: lists of texts, of images, or of both together."""

import uuid
from typing import Final

from imgvec.api.fields import Fields
from imgvec.dialects.bedrock.parts import Asked, Reader
from imgvec.embedding.types import EmbedRequest, EmbedResult
from imgvec.errors import BadParameter

LISTS: Final = ("texts", "images", "inputs")
BY_TYPE: Final = "embeddings_by_type"
FLOATS: Final = "embeddings_floats"


def parse(given: Fields, reader: Reader) -> Asked:
    """Read one of `texts`, `images` and `inputs`; `input_type` and `truncate` change no vector."""
    dimensions = reader.dimensions(given, "output_dimension")
    types = given.one("embedding_types") or []
    if not isinstance(types, list) or any(one != "float" for one in types):
        raise BadParameter("'embedding_types' may name 'float' alone here")
    names = [name for name in LISTS if given.one(name) not in (None, [])]
    if len(names) != 1:
        raise BadParameter("Give exactly one of 'texts', 'images' and 'inputs'")
    (name,) = names
    items = given.one(name)
    if not isinstance(items, list):
        raise BadParameter(f"{name!r} must be a list")
    inputs = reader.parts.listed(name, items)
    rest = {
        "id": str(uuid.uuid4()),
        "response_type": BY_TYPE if types else FLOATS,
        "texts": items if name == "texts" else [],
        "input_type": given.text("input_type"),
    }
    return Asked(EmbedRequest(inputs, dimensions), rest, name)


def render(asked: Asked, result: EmbedResult) -> dict[str, object]:
    """All vectors in their order, by their type where the request names types."""
    vectors = [one.vector for one in result.embeddings]
    by_type = asked.rest["response_type"] == BY_TYPE
    return {**asked.rest, "embeddings": {"float": vectors} if by_type else vectors}

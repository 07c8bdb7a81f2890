"""Cohere's Embed v3 and v4 on Bedrock: lists of texts, of images, or of both together."""

import uuid
from collections.abc import Callable
from typing import Final

from imgvec.api.fields import Fields
from imgvec.dialects.bedrock.parts import Asked, Reader, is_image
from imgvec.embedding.types import EmbedRequest, EmbedResult, Input, Part, TextInput
from imgvec.errors import BadParameter, RequestError

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
    read: dict[str, Callable[[object], Input]] = {
        "texts": lambda item: (_text(item),),
        "images": lambda item: (reader.image(item),),
        "inputs": lambda item: _content(item, reader),
    }
    inputs = _each(name, given.one(name), read[name])
    rest = {
        "id": str(uuid.uuid4()),
        "response_type": BY_TYPE if types else FLOATS,
        "texts": given.one(name) if name == "texts" else [],
        "input_type": given.text("input_type"),
    }
    return Asked(EmbedRequest(inputs, dimensions), rest, name)


def render(asked: Asked, result: EmbedResult) -> dict[str, object]:
    """All vectors in their order, by their type where the request names types."""
    vectors = [one.vector for one in result.embeddings]
    by_type = asked.rest["response_type"] == BY_TYPE
    return {**asked.rest, "embeddings": {"float": vectors} if by_type else vectors}


def _each(name: str, items: object, read: Callable[[object], Input]) -> tuple[Input, ...]:
    if not isinstance(items, list):
        raise BadParameter(f"{name!r} must be a list")
    inputs = []
    for position, item in enumerate(items):
        try:
            inputs.append(read(item))
        except RequestError as error:
            error.param, error.position = name, position
            raise
    return tuple(inputs)


def _text(item: object) -> Part:
    if not isinstance(item, str) or not item:
        raise BadParameter("A text must be a string that is not empty")
    if is_image(item):
        raise BadParameter("This is an image: send it in 'images'")
    return TextInput(item)


def _content(item: object, reader: Reader) -> Input:
    parts = item.get("content") if isinstance(item, dict) else None
    if not isinstance(parts, list) or not parts:
        raise BadParameter("'content' must be a list of parts that is not empty")
    return tuple(_part(part, reader) for part in parts)


def _part(part: object, reader: Reader) -> Part:
    if isinstance(part, dict):
        match part.get("type"):
            case "text":
                return reader.text(part.get("text"))
            case "image_url":
                link = part.get("image_url")
                return reader.image(link.get("url") if isinstance(link, dict) else link)
            case "image":
                return reader.image(part.get("image"))
    raise BadParameter("A part's 'type' must be 'text', 'image_url' or 'image'")

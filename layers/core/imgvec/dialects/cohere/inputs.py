"""Reads a request: model, dimensions, types, and one of three lists of inputs."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from imgvec.aliases import Alias, Off, find_alias
from imgvec.api.fields import Fields
from imgvec.embedding.elements import ELEMENTS, Element
from imgvec.embedding.types import EmbedRequest, ImageInput, Input, Part, TextInput
from imgvec.embedding.written import linked_image, written_image
from imgvec.errors import BadParameter, RequestError

if TYPE_CHECKING:
    # Imports ONNX Runtime, which the function of the assets does not have.
    from imgvec.encoders.registry import Encoders

Version: TypeAlias = Literal["1", "2"]
List: TypeAlias = Literal["texts", "images", "inputs"]
EmbeddingType: TypeAlias = Element | Literal["base64"]

ALIASES: Final = (
    Alias("embed-english-v3.0", (1024,), required=False),
    Alias("embed-multilingual-v3.0", (1024,), required=False),
    # The vendor's default is 1536.
    Alias("embed-v4.0", (512, 1024), has_default=False, required=False),
)
LISTS: Final[dict[Version, tuple[List, ...]]] = {
    "1": ("texts", "images"),
    "2": ("texts", "images", "inputs"),
}
TYPES: Final[tuple[EmbeddingType, ...]] = (*ELEMENTS, "base64")
INPUT_TYPES: Final = ("search_document", "search_query", "classification", "clustering", "image")
TRUNCATE: Final = ("NONE", "START", "END")
IMAGE_URI: Final = re.compile(
    r"\s*data:image/[^,\s]*;base64,[\w+/=%\s-]*", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and the form of its answer."""

    wanted: EmbedRequest
    given: List
    """The list that the inputs are in."""
    types: tuple[EmbeddingType, ...] | None
    """The types of the vectors; None for version 1's plain list of floats."""

    @property
    def texts(self) -> list[str]:
        """All texts, in order."""
        return [part.text for part in self.wanted.parts if isinstance(part, TextInput)]


def read(given: Fields, version: Version, encoders: "Encoders", off: Off, max_image: int) -> Asked:
    """Read a request of a version; an image may have `max_image` bytes.

    Raises:
        UnknownModel: no such model is served.
        BadParameter: a field is missing or wrong; of an input the error has the place.
        TooLarge: an image has too many bytes.
    """
    alias, encoder = _model(given, encoders)
    # Some clients send 0 for none.
    asked = given.integer("output_dimension") or None
    dimensions = alias.resolve(asked, off, "output_dimension")
    types = _types(given, version)
    truncate = _choice(given, "truncate", TRUNCATE) or "END"
    input_type = _choice(given, "input_type", INPUT_TYPES)
    name, items = _list(given, version)
    if name == "texts" and input_type == "image":
        raise BadParameter("'input_type' is 'image', so give 'images' and not 'texts'")
    wanted = EmbedRequest(
        Reader(max_image).inputs(name, items),
        dimensions,
        encoder,
        tuple("float" if one == "base64" else one for one in types or ("float",)),
        # Texts are cut at their end alone.
        whole=truncate != "END",
        described=True,
    )
    return Asked(wanted, name, types)


class Reader:
    """Reads inputs whose images have at most so many bytes each."""

    def __init__(self, max_image: int) -> None:
        """`max_image` is in bytes."""
        self._max_image = max_image

    def inputs(self, name: List, items: Sequence[object]) -> tuple[Input, ...]:
        """The inputs of a list.

        Raises:
            RequestError: one cannot be read; the error has its place.
        """
        readers: dict[List, Callable[[object], Input]] = {
            "texts": lambda item: (self._text(item),),
            "images": lambda item: (self._image(item),),
            "inputs": self._content,
        }
        inputs = []
        for position, item in enumerate(items):
            try:
                inputs.append(readers[name](item))
            except RequestError as error:
                error.param, error.position = name, position
                raise
        return tuple(inputs)

    def _text(self, text: object) -> Part:
        if IMAGE_URI.fullmatch(_string(text, "A text")):
            raise BadParameter("This is an image, give it in 'images'")
        return TextInput(_string(text, "A text"))

    def _image(self, image: object) -> Part:
        return ImageInput(written_image(_string(image, "An image"), self._max_image))

    def _content(self, item: object) -> Input:
        content = item.get("content") if isinstance(item, dict) else None
        if not isinstance(content, list) or not content:
            raise BadParameter("'content' must be a list of parts that is not empty")
        return tuple(self._part(part) for part in content)

    def _part(self, part: object) -> Part:
        if isinstance(part, dict):
            match part.get("type"):
                case "text":
                    return self._text_or_image(_string(part.get("text"), "A text"))
                case "image_url":
                    link = part.get("image_url")
                    return self._image(link.get("url") if isinstance(link, dict) else link)
                case "image":
                    return self._image(part.get("image"))
        raise BadParameter("A part's 'type' must be 'text', 'image_url' or 'image'")

    def _text_or_image(self, text: str) -> Part:
        """Some clients send an image as the text of its data URI."""
        if IMAGE_URI.fullmatch(text):
            return ImageInput(linked_image(text, self._max_image))
        return TextInput(text)


def _model(given: Fields, encoders: "Encoders") -> tuple[Alias, str | None]:
    """The dimensions of a model, and the encoder's id where the name is that of an encoder."""
    name = given.text("model")
    if name is None:
        raise BadParameter("'model' is missing")
    ids = [
        Alias(one.name, (one.preferred, *sorted(one.dimensions - {one.preferred})))
        for one in encoders
    ]
    alias = find_alias((*ALIASES, *ids), name)
    return alias, None if encoders.named(name) is None else name


def _types(given: Fields, version: Version) -> tuple[EmbeddingType, ...] | None:
    listed = given.one("embedding_types")
    if listed is None:
        return None if version == "1" else ("float",)
    if not isinstance(listed, list) or not listed or not all(one in TYPES for one in listed):
        raise BadParameter(f"'embedding_types' must be a list of: {', '.join(TYPES)}")
    return tuple(one for one in TYPES if one in listed)


def _choice(given: Fields, name: str, values: tuple[str, ...]) -> str | None:
    value = given.text(name)
    if value is not None and value not in values:
        raise BadParameter(f"{name!r} must be one of: {', '.join(values)}")
    return value


def _list(given: Fields, version: Version) -> tuple[List, list[object]]:
    names = LISTS[version]
    sent = [(name, given.one(name)) for name in names if given.one(name) is not None]
    if len(sent) != 1:
        raise BadParameter(f"Give exactly one of {', '.join(map(repr, names))}")
    name, items = sent[0]
    if not isinstance(items, list) or not items:
        raise BadParameter(f"{name!r} must be a list that is not empty")
    return name, items


def _string(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise BadParameter(f"{what} must be a string that is not empty")
    return value

"""Reads a request: model, dimensions, types, and one of three lists of inputs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from imgvec.aliases import Alias, Off, find_alias
from imgvec.api.fields import Fields
from imgvec.api.parts import Parts
from imgvec.embedding.elements import ELEMENTS, Element
from imgvec.embedding.types import EmbedRequest, TextInput
from imgvec.errors import BadParameter

if TYPE_CHECKING:
    # Imports ONNX Runtime, which the function of the assets does not have.
    from imgvec.encoders.registry import Encoders

Version: TypeAlias = Literal["1", "2"]
List: TypeAlias = Literal["texts", "images", "inputs"]
EmbeddingType: TypeAlias = Element | Literal["base64"]

ALIASES: Final = (
    Alias("embed-english-v3.0", (1024,)),
    Alias("embed-multilingual-v3.0", (1024,)),
    # The vendor's default is 1536.
    Alias("embed-v4.0", (512, 1024), has_default=False),
)
LISTS: Final[dict[Version, tuple[List, ...]]] = {
    "1": ("texts", "images"),
    "2": ("texts", "images", "inputs"),
}
TYPES: Final[tuple[EmbeddingType, ...]] = (*ELEMENTS, "base64")
INPUT_TYPES: Final = ("search_document", "search_query", "classification", "clustering", "image")
TRUNCATE: Final = ("NONE", "START", "END")


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
        Parts(max_image).listed(name, items),
        dimensions,
        encoder,
        tuple("float" if one == "base64" else one for one in types or ("float",)),
        # Texts are cut at their end alone.
        whole=truncate != "END",
        described=True,
    )
    return Asked(wanted, name, types)


def _model(given: Fields, encoders: "Encoders") -> tuple[Alias, str | None]:
    """The dimensions of a model, and the encoder's id where the name is that of an encoder."""
    name = given.text("model")
    if name is None:
        raise BadParameter("'model' is missing")
    alias = find_alias((*ALIASES, *encoders.aliases()), name)
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

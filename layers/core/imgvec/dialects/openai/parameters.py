"""Parameters of a request: vendors' names for one thing are synonyms."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from imgvec.aliases import Off
from imgvec.api.fields import Fields
from imgvec.dialects.openai.models import find_model
from imgvec.embedding.elements import ELEMENTS, Element
from imgvec.errors import BadParameter, RequestError

if TYPE_CHECKING:
    from imgvec.encoders.registry import Encoders

T = TypeVar("T")

DIMENSIONS: Final = ("dimensions", "output_dimension")
PACKINGS: Final = ("encoding_format", "output_encoding")
TYPES: Final = ("embedding_type", "encoding_type", "output_dtype", *PACKINGS)
PACKED: Final = "base64"


@dataclass(frozen=True, slots=True)
class Space:
    """The model that is asked for, and the form of its vectors."""

    model: str
    """As the request names it."""
    dimensions: int
    encoder: str | None
    """Its id, where the model is an encoder's own name."""
    element: Element
    packed: bool
    """Whether vectors are answered as base64 of their bytes."""


def space_of(given: Fields, encoders: "Encoders", off: Off) -> Space:
    """Read the model, then the dimensions, then the form.

    Raises:
        UnknownModel: no such model is served.
        BadParameter: a parameter is missing or wrong; the error names it.
    """
    with naming("model"):
        model = given.text("model")
        if model is None:
            raise BadParameter("'model' is missing")
        alias, encoder = find_model(model, encoders, off)
    name = next((one for one in DIMENSIONS if given.one(one) is not None), DIMENSIONS[0])
    with naming(name):
        # Some clients send 0 for none.
        asked = _same(given.integer, DIMENSIONS) or None
        dimensions = alias.resolve(asked, off, name)
    element, packed = _form(given)
    return Space(model, dimensions, encoder, element, packed)


def _form(given: Fields) -> tuple[Element, bool]:
    """The element type, and whether it is packed; `encoding_format` may say either."""
    types, packed = set[Element](), False
    for name in TYPES:
        with naming(name):
            value = given.text(name)
            if value is None or (name in PACKINGS and value == "float"):
                continue
            if value == PACKED:
                packed = True
                continue
            types.update(one for one in ELEMENTS if one == value)
            if value not in ELEMENTS:
                raise BadParameter(f"{name!r} must be one of: {', '.join((*ELEMENTS, PACKED))}")
            if len(types) > 1:
                raise BadParameter(f"{name!r} differs from another parameter of its meaning")
    return next(iter(types), "float"), packed


def _same(read: Callable[[str], T | None], names: tuple[str, ...]) -> T | None:
    values = {read(name) for name in names} - {None}
    if len(values) > 1:
        raise BadParameter(f"{' and '.join(map(repr, names))} differ")
    return values.pop() if values else None


@contextmanager
def naming(param: str) -> Iterator[None]:
    """Say in errors of the block which parameter is at fault, unless they say so themselves.

    Of those that are no fault of a parameter, only one that has a place in a list gets its name.
    """
    try:
        yield
    except RequestError as error:
        if isinstance(error, BadParameter) or error.position is not None:
            error.param = error.param or param
        raise

"""Pieces of all models' requests: dimensions, images and texts, and what a request asks for."""

from collections.abc import Mapping
from dataclasses import dataclass

from imgvec.aliases import Alias, Off
from imgvec.api.fields import NO_FIELDS, Fields
from imgvec.api.parts import Parts
from imgvec.embedding.types import EmbedRequest
from imgvec.errors import BadParameter


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was read."""

    wanted: EmbedRequest
    rest: Mapping[str, object]
    """Fields of its answer beside the vectors."""
    listed: str | None = None
    """The field of which each item is one input."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a request's parts within the limits of the application."""

    alias: Alias
    off: Off
    parts: Parts

    def dimensions(self, given: Fields, name: str) -> int:
        """The dimensions that a field asks for; some clients write `1024.0`.

        Raises:
            BadParameter: the model is not served in these; the message names the field.
        """
        value = given.one(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        asked = Fields(((name, value),)).integer(name)
        if asked is not None and asked not in self.alias.dimensions:
            allowed = ", ".join(map(str, self.alias.dimensions))
            raise BadParameter(f"{name!r} of {self.alias.model} must be one of: {allowed}")
        return self.alias.resolve(asked, self.off, name)


def inside(given: Fields, name: str) -> Fields:
    """The fields of an object; none where it is absent.

    Raises:
        BadParameter: it is no object.
    """
    value = given.one(name)
    if value is None:
        return NO_FIELDS
    if not isinstance(value, dict):
        raise BadParameter(f"{name!r} must be an object")
    return Fields(tuple(value.items()))

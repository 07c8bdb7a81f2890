"""Vendor model names and dimensions as aliases for spaces: one table, one row for each name.

A space is (encoder, output dimension). A vendor's name promises the shape and the API, not the
vendor's own weights. Rows stand with their dialect and are gathered here, so that a new dialect
brings its own and nothing else has to change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from imgvec.errors import BadParameter, ModelError, SettingsError

Off: TypeAlias = Mapping[str, frozenset[int]]
"""Widths that an operator has switched off, by a dialect's model name."""
NONE_OFF: Final[Off] = {}


@dataclass(frozen=True, slots=True)
class Alias:
    """A vendor's model name and the widths it may be asked in; the first is the default."""

    model: str
    dimensions: tuple[int, ...]

    def resolve(self, asked: int | None, off: Off = NONE_OFF) -> int:
        """The dimension of the space that is meant; a default that is off has no substitute.

        Raises:
            BadParameter: this name is not given in that dimension.
        """
        width = self.dimensions[0] if asked is None else asked
        if width not in self.dimensions:
            allowed = ", ".join(str(width) for width in self.dimensions)
            raise BadParameter(f"The dimension of {self.model} must be one of: {allowed}")
        if width in off.get(self.model, ()):
            raise BadParameter(f"{self.model} is not served here in dimension {width}")
        return width


def find_alias(aliases: Iterable[Alias], model: str) -> Alias:
    """The row with this vendor's model name.

    Raises:
        BadParameter: no such row; the message names those there are.
    """
    known = {alias.model: alias for alias in aliases}
    if model not in known:
        raise BadParameter(f"Unknown model; known: {', '.join(known)}")
    return known[model]


def read_off(
    entries: Iterable[str], table: Iterable[tuple[str, Alias]]
) -> Mapping[str, dict[str, frozenset[int]]]:
    """What `IMGVEC_ALIASES_OFF` switches off, by dialect: `dialect:model[:dimension]` each.

    Raises:
        SettingsError: an entry names no alias; the sentence names it and those there are.
    """
    known = {
        f"{dialect}:{alias.model}{ending}": (dialect, alias.model, widths)
        for dialect, alias in table
        for ending, widths in _choices(alias)
    }
    off: dict[str, dict[str, frozenset[int]]] = {}
    for entry in entries:
        if entry not in known:
            raise SettingsError(
                f"IMGVEC_ALIASES_OFF names {entry!a}, which is no alias; "
                f"there are: {', '.join(known)}"
            )
        dialect, model, widths = known[entry]
        models = off.setdefault(dialect, {})
        models[model] = models.get(model, frozenset()) | widths
    return off


def check_aliases(
    table: Iterable[tuple[str, Alias]], widths: frozenset[int], off: Mapping[str, Off]
) -> None:
    """See at start that every alias that is on leads to a space of a configured encoder.

    Raises:
        ModelError: aliases lead nowhere; the sentence names them and both fixes.
    """
    nowhere = [
        (dialect, alias.model, width)
        for dialect, alias in table
        for width in alias.dimensions
        if width not in widths and width not in off.get(dialect, NONE_OFF).get(alias.model, ())
    ]
    if nowhere:
        named = ", ".join(
            f"{one}'s {model!r} in dimension {width}" for one, model, width in nowhere
        )
        switch = ",".join(f"{one}:{model}:{width}" for one, model, width in nowhere)
        raise ModelError(
            f"No configured encoder gives {named}: add one to IMGVEC_ENCODERS that does, "
            f"or set IMGVEC_ALIASES_OFF={switch}"
        )


def _choices(alias: Alias) -> list[tuple[str, frozenset[int]]]:
    """How an entry may end, and what it then means: the whole alias, or one of its widths."""
    single = [(f":{width}", frozenset({width})) for width in alias.dimensions]
    return [("", frozenset(alias.dimensions)), *single]

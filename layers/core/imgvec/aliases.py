"""Vendors' model names as aliases for dimensions of the configured encoders.

A vendor's name promises the API and the dimensions, not the vendor's own weights. Each dialect
defines its aliases, so that a new dialect needs no change here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from imgvec.errors import BadParameter, SettingsError, UnknownModel

Off: TypeAlias = Mapping[str, frozenset[int]]
"""Dimensions that an operator has switched off, by a dialect's model name."""
NONE_OFF: Final[Off] = {}


@dataclass(frozen=True, slots=True)
class Alias:
    """A vendor's model name and the dimensions it is served in; the first is the default."""

    model: str
    dimensions: tuple[int, ...]
    has_default: bool = True
    """False where the vendor's own default is not served: then a request must say."""

    def on(self, off: Off) -> tuple[int, ...]:
        """The dimensions that are not off, in their order."""
        return tuple(one for one in self.dimensions if one not in off.get(self.model, ()))

    def resolve(self, asked: int | None, off: Off = NONE_OFF, name: str = "dimensions") -> int:
        """The dimensions to embed in. A default that is switched off has no substitute.

        `name` is the request's parameter, for the message.

        Raises:
            BadParameter: this model is not served in these dimensions.
        """
        allowed = ", ".join(map(str, self.dimensions))
        if asked is None and not self.has_default:
            raise BadParameter(f"{self.model} has no default here, give {name!r}: {allowed}")
        dimensions = self.dimensions[0] if asked is None else asked
        if dimensions not in self.dimensions:
            raise BadParameter(f"The dimension of {self.model} must be one of: {allowed}")
        if dimensions in off.get(self.model, ()):
            raise BadParameter(f"{self.model} is not served here in dimension {dimensions}")
        return dimensions


def find_alias(aliases: Iterable[Alias], model: str) -> Alias:
    """The alias with this model name.

    Raises:
        UnknownModel: there is none; the message lists the known names.
    """
    known = {alias.model: alias for alias in aliases}
    if model not in known:
        raise UnknownModel(f"Unknown model; known: {', '.join(known)}")
    return known[model]


def read_off(
    entries: Iterable[str], table: Iterable[tuple[str, Alias]]
) -> Mapping[str, dict[str, frozenset[int]]]:
    """Parse `IMGVEC_ALIASES_OFF`, entries `dialect:model[:dimension]`; the result is by dialect.

    Raises:
        SettingsError: an entry names no alias; the message lists the known ones.
    """
    known = {
        f"{dialect}:{alias.model}{ending}": (dialect, alias.model, dimensions)
        for dialect, alias in table
        for ending, dimensions in _choices(alias)
    }
    off: dict[str, dict[str, frozenset[int]]] = {}
    for entry in entries:
        if entry not in known:
            asked = entry.partition(":")[0]
            # Those of the dialect, if there is such a one: all are a page.
            near = [one for one in known if one.startswith(f"{asked}:")]
            there = near or sorted({f"{dialect}:..." for dialect, _, _ in known.values()})
            raise SettingsError(
                f"IMGVEC_ALIASES_OFF names {entry!a}, which is no alias; "
                f"there are: {', '.join(there)}"
            )
        dialect, model, dimensions = known[entry]
        models = off.setdefault(dialect, {})
        models[model] = models.get(model, frozenset()) | dimensions
    return off


def off_with_unserved(
    off: Mapping[str, Off], table: Iterable[tuple[str, Alias]], served: frozenset[int]
) -> Mapping[str, Off]:
    """Switch off, too, the dimensions of aliases that no encoder has."""
    every = {dialect: dict(models) for dialect, models in off.items()}
    for dialect, alias in table:
        missing = frozenset(alias.dimensions) - served
        if missing:
            models = every.setdefault(dialect, {})
            models[alias.model] = models.get(alias.model, frozenset()) | missing
    return every


def list_served(table: Iterable[tuple[str, Alias]], off: Mapping[str, Off]) -> list[str]:
    """A line for each model: its dialect, its name, its dimensions, and those that are off."""
    lines = []
    for dialect, alias in table:
        on = alias.on(off.get(dialect, NONE_OFF))
        shut = [one for one in alias.dimensions if one not in on]
        parts = [", ".join(map(str, on))] if on else []
        if shut:
            parts.append(f"off: {', '.join(map(str, shut))}")
        lines.append(f"{dialect:<11} {alias.model:<38} {'; '.join(parts)}")
    return lines


def _choices(alias: Alias) -> list[tuple[str, frozenset[int]]]:
    """Endings of an entry and their dimensions: all of the alias, or a single one."""
    single = [(f":{one}", frozenset({one})) for one in alias.dimensions]
    return [("", frozenset(alias.dimensions)), *single]

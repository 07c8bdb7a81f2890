"""The table of docs/reference/dialects.md: the models that an encoder serves alone."""

from typing import Final

from imgvec.aliases import Alias, off_with_unserved
from imgvec.dialects import all_dialects

DIMENSIONS: Final = (1024, 768, 512)


def table() -> list[list[str]]:
    """Rows of cells, the heading first; models of a dialect that are alike share a row."""
    rows = [["dialect", "model", *(f"{one} alone" for one in DIMENSIONS)]]
    for dialect in all_dialects():
        models: dict[tuple[str, ...], list[str]] = {}
        for alias in dialect.aliases:
            cells = tuple(_cell(dialect.name, alias, one) for one in DIMENSIONS)
            models.setdefault(cells, []).append(f"`{alias.model}`")
        rows += [[dialect.name, ", ".join(names), *cells] for cells, names in models.items()]
    return rows


def _cell(dialect: str, alias: Alias, dimensions: int) -> str:
    off = off_with_unserved({}, [(dialect, alias)], frozenset({dimensions}))
    on = alias.on(off.get(dialect, {}))
    if not on:
        return "off"
    return "yes" if alias.has_default and on[0] == alias.dimensions[0] else "if named"

"""Output for a person at a terminal: tables, sentences; and the build tools' absence."""

from collections.abc import Sequence
from typing import TypeAlias

import click

Cell: TypeAlias = str | int | float | None


def print_table(names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a heading and rows; numbers stand to the right, what is absent is a dash."""
    lines = [names, *([_shown(cell) for cell in row] for row in rows)]
    columns = range(len(names))
    widths = [max(len(line[column]) for line in lines) for column in columns]
    right = [any(isinstance(row[column], int | float) for row in rows) for column in columns]
    for line in lines:
        cells = zip(line, widths, right, strict=True)
        padded = [cell.rjust(width) if to else cell.ljust(width) for cell, width, to in cells]
        click.echo("  ".join(padded).rstrip())


def _shown(cell: Cell) -> str:
    return "-" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell)


def say(sentence: str) -> None:
    """Tell the person who waits."""
    click.echo(sentence, err=True)

"""Numbers on the command line, each within bounds."""

import math

import click

from imgvec.types import Bounds


class Number(click.FloatRange):
    """A number within bounds; `nan`, which is neither above nor below any, is none."""

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def number_of(bounds: Bounds) -> Number:
    """The type of an option with these bounds."""
    return Number(*bounds)


def integer_of(bounds: Bounds) -> click.IntRange:
    """The same for integers."""
    return click.IntRange(int(bounds.least), int(bounds.greatest))

"""Parts that commands share: options (numbers in bounds, days and times in UTC), store, output.

Administrators' commands act on the store of the settings, or with `--stack` on that of a deployed
stack and its gateway.
"""

import getpass
import math
import os
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import Final, TypeAlias, TypeVar

import click

from imgvec.accounts.ports import IdentifierStore
from imgvec.accounts.registry import Registry
from imgvec.aws.gateway_keys.identifiers import Identifiers, states
from imgvec.aws.gateway_keys.usage_plans import Probe, Stack, UsagePlans, find_stack
from imgvec.errors import StackError
from imgvec.settings import load_settings
from imgvec.stores import Store, identifiers_in, store_of
from imgvec.types import Bounds, end_of

Cell: TypeAlias = str | int | float | None

NO_KEYS: Final = "No keys yet: `imgvec keys create NAME` makes one."


def print_table(
    names: Sequence[str], rows: Sequence[Sequence[Cell]], right: Collection[str] = ()
) -> None:
    """Print a heading and rows; an absent cell is a dash.

    Numbers stand to the right, and so do the columns named in `right`.
    """
    lines = [names, *([_shown(cell) for cell in row] for row in rows)]
    columns = range(len(names))
    widths = [max(len(line[column]) for line in lines) for column in columns]
    aligned = [
        names[column] in right or any(isinstance(row[column], int | float) for row in rows)
        for column in columns
    ]
    for line in lines:
        cells = zip(line, widths, aligned, strict=True)
        padded = [cell.rjust(width) if to else cell.ljust(width) for cell, width, to in cells]
        click.echo("  ".join(padded).rstrip())


def _shown(cell: Cell) -> str:
    if isinstance(cell, str):
        return escaped(cell)
    return "-" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell)


def escaped(name: str) -> str:
    r"""A name of a file as one line of printable text, which steers no terminal.

    A backslash is `\\`, and each byte of a control character, or of what is no UTF-8, is `\x`
    with two hex digits. `printf '%b'` of a shell gives the name back.
    """
    return "".join(map(_escaped, name))


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    # Narrow spaces, as in the names of macOS's screenshots, only look like others.
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def say(sentence: str) -> None:
    """Tell the person who waits."""
    click.echo(sentence, err=True)


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


class Day(click.ParamType[date]):
    """A day as `2026-12-31`."""

    name = "date"
    form = "day such as 2026-12-31"
    rest = ""
    """The part of a date that is not written."""

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Read it."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value + self.rest)
        except ValueError:
            self.fail(f"{value!r} is no {self.form}", param, ctx)


class Month(Day):
    """A month as `2026-11`; its first day."""

    name = "month"
    form = "month such as 2026-11"
    rest = "-01"


class Moment(click.ParamType[float]):
    """A time as `2026-12-31T18:00Z`, or a day, which means its end; in seconds of the epoch."""

    name = "date"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it."""
        if isinstance(value, float):
            return value
        try:
            seconds = _seconds(value)
            # Not all that can be read lies within the calendar.
            datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no date such as 2026-12-31 or 2026-12-31T18:00Z", param, ctx)
        return seconds


def _seconds(text: str) -> float:
    if len(text) <= len("2026-12-31"):
        return end_of(date.fromisoformat(text))
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def shown(moment: float | None) -> str | None:
    """A time for a person."""
    if moment is None:
        return None
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError):
        # Stored by a version that took any: one such key would end the list of all.
        return f"{moment:.0f} s"


@contextmanager
def open_store(stack: Stack | None = None) -> Iterator[Store]:
    """The store of a stack, else that of the settings; a running server has the same one open."""
    settings = load_settings()
    if stack is not None:
        settings = settings.model_copy(update={"table": stack.table})
    with closing(store_of(settings)) as store:
        yield store


@contextmanager
def open_registry(stack: Stack | None = None) -> Iterator[Registry]:
    """The registry, in the name of the user who runs the command."""
    with open_store(stack) as store:
        yield registry_of(store)


def registry_of(store: Store) -> Registry:
    """The registry of a store that is open, in the name of the user who runs the command."""
    return Registry(store, _user())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return f"user {os.getuid()}"


def named_consumers(store: Store, consumer: str | None = None) -> list[str]:
    """The names of all consumers, or this one.

    Raises:
        click.ClickException: there is no such consumer.
    """
    known = [one.name for one in store.list_consumers()]
    if consumer is None:
        return known
    if consumer not in known:
        raise click.ClickException(
            f"There is no consumer {consumer!a}: `imgvec consumers list` shows them"
        )
    return [consumer]


F = TypeVar("F", bound=Callable[..., None])

_STATES: Final = {
    "own": "{consumer} has a name of its own at the gateway.",
    "pending": "{consumer} shares a name at the gateway until its own is accepted there: {again}.",
    "shared": "{consumer} shares a name at the gateway and has none of its own: {again}.",
}
_AGAIN: Final = "`imgvec keys attach --stack {stack} {consumer}` tries again"


def _find(context: click.Context, parameter: click.Parameter, value: str | None) -> Stack | None:
    return None if value is None else find_stack(value)


def stack_option(*, required: bool = False) -> Callable[[F], F]:
    """The option, which gives the command a `Stack`."""
    return click.option(
        "--stack",
        metavar="NAME",
        required=required,
        callback=_find,
        help="Act on this deployed stack. Needs credentials and AWS_DEFAULT_REGION.",
    )


def attach_consumers(stack: Stack | None, store: Store, consumers: Collection[str]) -> None:
    """Give consumers names at the stack's gateway and say how they stand.

    A rejection is reported and ends nothing: keys work all the same, under a shared name.
    """
    found = identifiers_in(store)
    if stack is None or found is None or not stack.usage_plans or not consumers:
        return
    say("Asking the gateway (a moment; half a minute where a tier changes).")
    try:
        identifiers_of(stack, store, found).attach(consumers)
    except StackError as refusal:
        say(str(refusal))
    for consumer, state in states(found, consumers).items():
        again = _AGAIN.format(consumer=consumer, stack=stack.name)
        say(_STATES[state].format(consumer=consumer, again=again))


def identifiers_of(stack: Stack, store: Store, found: IdentifierStore) -> Identifiers:
    """The names at the gateway of a stack, and the calls that change them."""
    return Identifiers(store, found, UsagePlans(stack), Probe(stack.url))

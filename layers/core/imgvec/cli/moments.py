"""Days and times on the command line; all are UTC."""

from datetime import UTC, date, datetime

import click

from imgvec.periods import end_of


class Day(click.ParamType[date]):
    """A day as `2026-12-31`."""

    name = "date"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Read it."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day such as 2026-12-31", param, ctx)


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

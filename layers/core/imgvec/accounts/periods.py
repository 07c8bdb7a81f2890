"""Periods of quotas and bills: the day and the month, both in UTC."""

from datetime import UTC, date, datetime, time, timedelta

ONE_DAY = timedelta(days=1)


def day_of(now: float) -> date:
    """The UTC day of a time in seconds since the epoch."""
    return datetime.fromtimestamp(now, UTC).date()


def month_start(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def month_last(day: date) -> date:
    """The last day of the month."""
    # Four days after the 28th is always in the next month.
    return month_start(day.replace(day=28) + 4 * ONE_DAY) - ONE_DAY


def end_of(day: date) -> float:
    """The end of a day, in seconds since the epoch."""
    return datetime.combine(day + ONE_DAY, time(), UTC).timestamp()

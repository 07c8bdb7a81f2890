"""Holds and counts in SQLite."""

import sqlite3
from collections.abc import Sequence
from datetime import date
from typing import Final

from imgvec.accounts.ports import Hold, Label, Standing, UsageRow
from imgvec.periods import month_last, month_start
from imgvec.stores.sqlite.database import Part
from imgvec.types import Quota

_TAKEN: Final = """
    SELECT coalesce(sum(units) FILTER (WHERE day = :day), 0), coalesce(sum(units), 0) FROM (
        SELECT day, units FROM counts WHERE consumer = :consumer AND day BETWEEN :first AND :last
        UNION ALL
        SELECT day, units FROM holds WHERE consumer = :consumer AND day BETWEEN :first AND :last
    )
"""


class SqliteMeter(Part):
    """A `MeterStore`. Each step is one transaction, and SQLite lets writers in one by one."""

    def reserve(self, hold: Hold, quota: Quota, now: float) -> tuple[Hold | None, Standing]:
        """Take the hold's units if the quota has them; None in place of the hold if it has not."""
        with self._database.transaction() as connection:
            standing = _standing(connection, hold.consumer, hold.day, now)
            held = connection.execute(
                "SELECT 1 FROM holds WHERE consumer = ? AND hold_id = ?",
                (hold.consumer, hold.hold_id),
            ).fetchone()
            if held:
                return hold, standing
            day, month = standing.day + hold.units, standing.month + hold.units
            if _over(day, quota.daily) or _over(month, quota.monthly):
                return None, standing
            connection.execute(
                "INSERT INTO holds (consumer, hold_id, day, units, expires) VALUES (?, ?, ?, ?, ?)",
                (hold.consumer, hold.hold_id, hold.day.isoformat(), hold.units, hold.expires),
            )
        return hold, Standing(day, month, standing.expired)

    def settle(self, hold: Hold, label: Label) -> bool:
        """Turn the hold into counted images; False if it is gone."""
        with self._database.transaction() as connection:
            if not _remove(connection, hold):
                return False
            connection.execute(
                "INSERT INTO counts (consumer, day, key_id, dialect, space, units)"
                " VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET units = units + excluded.units",
                (
                    hold.consumer,
                    hold.day.isoformat(),
                    label.key_id,
                    label.dialect,
                    label.space,
                    hold.units,
                ),
            )
        return True

    def release(self, hold: Hold) -> bool:
        """Give the hold's units back; False if it is gone."""
        with self._database.transaction() as connection:
            return _remove(connection, hold)

    def standing(self, consumer: str, day: date, now: float) -> Standing:
        """The units taken of a day and of its month."""
        with self._database.connection() as connection:
            return _standing(connection, consumer, day, now)

    def expired_holds(self, consumer: str, since: date, until: date, now: float) -> Sequence[Hold]:
        """Holds of these days, both included, that are past their time."""
        with self._database.connection() as connection:
            return _expired(connection, consumer, since, until, now)

    def usage(self, consumer: str, since: date, until: date) -> Sequence[UsageRow]:
        """Answered images of these days, both included, by day."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT day, key_id, dialect, space, units FROM counts"
                " WHERE consumer = ? AND day BETWEEN ? AND ? ORDER BY day, key_id, dialect, space",
                (consumer, since.isoformat(), until.isoformat()),
            ).fetchall()
        return [
            UsageRow(consumer, date.fromisoformat(day), Label(key_id, dialect, space), units)
            for day, key_id, dialect, space, units in rows
        ]


def _over(taken: int, limit: int | None) -> bool:
    return limit is not None and taken > limit


def _remove(connection: sqlite3.Connection, hold: Hold) -> bool:
    cursor = connection.execute(
        "DELETE FROM holds WHERE consumer = ? AND hold_id = ?", (hold.consumer, hold.hold_id)
    )
    return cursor.rowcount == 1


def _standing(connection: sqlite3.Connection, consumer: str, day: date, now: float) -> Standing:
    first, last = month_start(day), month_last(day)
    taken_day, taken_month = connection.execute(
        _TAKEN,
        {
            "consumer": consumer,
            "day": day.isoformat(),
            "first": first.isoformat(),
            "last": last.isoformat(),
        },
    ).fetchone()
    expired = _expired(connection, consumer, first, last, now)
    return Standing(taken_day, taken_month, tuple(expired))


def _expired(
    connection: sqlite3.Connection, consumer: str, since: date, until: date, now: float
) -> list[Hold]:
    rows = connection.execute(
        "SELECT hold_id, day, expires FROM holds"
        " WHERE consumer = ? AND day BETWEEN ? AND ? AND expires <= ?",
        (consumer, since.isoformat(), until.isoformat(), now),
    ).fetchall()
    return [Hold(consumer, name, date.fromisoformat(day), end) for name, day, end in rows]

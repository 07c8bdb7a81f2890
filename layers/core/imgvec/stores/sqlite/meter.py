"""Reservations and counts in SQLite."""

import sqlite3
from collections.abc import Sequence
from datetime import date
from typing import Final

from imgvec.accounts.ports import Label, QuotaUsage, Reservation, UsageRow
from imgvec.accounts.prices import tariff_in
from imgvec.stores.sqlite.database import Part
from imgvec.types import Quota, month_last, month_start

_TAKEN: Final = """
    SELECT coalesce(sum(units) FILTER (WHERE day = :day), 0), coalesce(sum(units), 0) FROM (
        SELECT day, units FROM counts WHERE consumer = :consumer AND day BETWEEN :first AND :last
        UNION ALL
        SELECT day, units FROM reservations
        WHERE consumer = :consumer AND day BETWEEN :first AND :last
    )
"""


class SqliteMeter(Part):
    """A `MeterStore`. Each step is one transaction, and SQLite lets writers in one by one."""

    def reserve(
        self, reservation: Reservation, quota: Quota, now: float
    ) -> tuple[Reservation | None, QuotaUsage]:
        with self._database.transaction() as connection:
            usage = _usage_of(connection, reservation.consumer, reservation.day, now)
            held = connection.execute(
                "SELECT 1 FROM reservations WHERE consumer = ? AND id = ?",
                (reservation.consumer, reservation.id),
            ).fetchone()
            if held:
                return reservation, usage
            units = reservation.units
            day, month = usage.day + units, usage.month + units
            if not quota.allows(day, month):
                return None, usage
            connection.execute(
                "INSERT INTO reservations (consumer, id, day, units, expires)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    reservation.consumer,
                    reservation.id,
                    reservation.day.isoformat(),
                    units,
                    reservation.expires,
                ),
            )
        return reservation, QuotaUsage(day, month, usage.expired)

    def settle(self, reservation: Reservation, label: Label) -> bool:
        with self._database.transaction() as connection:
            if not _remove(connection, reservation):
                return False
            connection.execute(
                "INSERT INTO counts (consumer, day, key_id, dialect, space, tariff, units)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET units = units + excluded.units",
                (
                    reservation.consumer,
                    reservation.day.isoformat(),
                    label.key_id,
                    label.dialect,
                    label.space,
                    "" if label.tariff is None else label.tariff.text,
                    reservation.units,
                ),
            )
        return True

    def release(self, reservation: Reservation) -> bool:
        with self._database.transaction() as connection:
            return _remove(connection, reservation)

    def quota_usage(self, consumer: str, day: date, now: float) -> QuotaUsage:
        with self._database.connection() as connection:
            return _usage_of(connection, consumer, day, now)

    def expired_reservations(
        self, consumer: str, since: date, until: date, now: float
    ) -> Sequence[Reservation]:
        with self._database.connection() as connection:
            return _expired(connection, consumer, since, until, now)

    def usage(self, consumer: str, since: date, until: date) -> Sequence[UsageRow]:
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT day, key_id, dialect, space, tariff, units FROM counts"
                " WHERE consumer = ? AND day BETWEEN ? AND ?"
                " ORDER BY day, key_id, dialect, space, tariff",
                (consumer, since.isoformat(), until.isoformat()),
            ).fetchall()
        return [
            UsageRow(
                consumer,
                date.fromisoformat(day),
                Label(key_id, dialect, space, tariff_in(tariff)),
                units,
            )
            for day, key_id, dialect, space, tariff, units in rows
        ]


def _remove(connection: sqlite3.Connection, reservation: Reservation) -> bool:
    cursor = connection.execute(
        "DELETE FROM reservations WHERE consumer = ? AND id = ?",
        (reservation.consumer, reservation.id),
    )
    return cursor.rowcount == 1


def _usage_of(connection: sqlite3.Connection, consumer: str, day: date, now: float) -> QuotaUsage:
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
    return QuotaUsage(taken_day, taken_month, tuple(expired))


def _expired(
    connection: sqlite3.Connection, consumer: str, since: date, until: date, now: float
) -> list[Reservation]:
    rows = connection.execute(
        "SELECT id, day, expires FROM reservations"
        " WHERE consumer = ? AND day BETWEEN ? AND ? AND expires <= ?",
        (consumer, since.isoformat(), until.isoformat(), now),
    ).fetchall()
    return [Reservation(consumer, name, date.fromisoformat(day), end) for name, day, end in rows]

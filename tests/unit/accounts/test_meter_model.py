"""The meter and the gate against a plain model of them, driven at random by Hypothesis.

What a failing run has found is kept in `found/` beside this file, to be committed with the fix: it
is tried first from then on.
"""

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import Ticket
from imgvec.accounts.metering import MARGIN_SECONDS, RESERVED_SECONDS
from imgvec.accounts.registry import Registry
from imgvec.errors import ConsumerError, KeyDisabled, KeyInvalid, QuotaExhausted, TooFast
from imgvec.stores import Store
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.sqlite import SqliteStore
from imgvec.types import Quota
from tests.support.accounts.meter_bench import Bench
from tests.support.aws.dynamodb import Emulator

FOUND = DirectoryBasedExampleDatabase(Path(__file__).parent / "found")
LIMITS = st.one_of(st.none(), st.integers(1, 12))
STARTS = st.sampled_from(
    [
        datetime(2028, 2, 28, 23, 58, 30, tzinfo=UTC),
        datetime(2028, 2, 29, 23, 58, 30, tzinfo=UTC),
        datetime(2027, 2, 28, 23, 58, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 58, 30, tzinfo=UTC),
        datetime(2026, 6, 14, 12, 0, 0, tzinfo=UTC),
    ]
)
PAUSES = st.sampled_from(
    [1.0, 20.0, RESERVED_SECONDS - MARGIN_SECONDS, RESERVED_SECONDS, 3600.0, 86400.0]
)


@dataclass
class Taken:
    """Units as the model knows them."""

    day: date
    units: int
    expires: float


@dataclass
class Model:
    """What must be true, in as few words as can be."""

    quota: Quota
    held: dict[str, Taken] = field(default_factory=dict)
    done: Counter[date] = field(default_factory=Counter)

    def room(self, day: date, units: int, now: float) -> bool:
        """Whether the quota has so many units left."""
        live = [one for one in self.held.values() if one.expires > now]
        of_day = self.done[day] + sum(one.units for one in live if one.day == day)
        of_month = sum(
            [n for one, n in self.done.items() if (one.year, one.month) == (day.year, day.month)]
        ) + sum(one.units for one in live if (one.day.year, one.day.month) == (day.year, day.month))
        daily, monthly = self.quota.daily, self.quota.monthly
        return (daily is None or of_day + units <= daily) and (
            monthly is None or of_month + units <= monthly
        )


@dataclass
class Key:
    """A key as the model knows it."""

    key: str
    key_id: str
    expires: float | None = None
    revoked: bool = False
    disabled: bool = False


class Machine(RuleBasedStateMachine):
    """Steps of callers, administrators and time."""

    store: Store
    tickets: Bundle[Ticket] = Bundle("tickets")
    keys: Bundle[Key] = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.store = self.open_store()
        self.bench = Bench(self.store)
        self.model = Model(Quota())
        self.gate = Authenticator(self.store, clock=lambda: self.bench.now)
        self.registry = Registry(self.store, "test", clock=lambda: self.bench.now)

    def open_store(self) -> Store:
        """An empty store; set by the test."""
        raise NotImplementedError

    @property
    def today(self) -> date:
        """The day, in UTC."""
        return datetime.fromtimestamp(self.bench.now, UTC).date()

    @initialize(start=STARTS, daily=LIMITS, monthly=LIMITS)
    def begin(self, start: datetime, daily: int | None, monthly: int | None) -> None:
        self.bench.now = start.timestamp()
        self.bench.quota = self.model.quota = Quota(daily, monthly)

    @rule(target=tickets, units=st.integers(1, 4))
    def reserve(self, units: int) -> Ticket | MultipleResults[Ticket]:
        charge = self.bench.charge(units=units)
        expected = self.model.room(self.today, units, self.bench.now)
        try:
            ticket = self.bench.meter().reserve(charge)
        except QuotaExhausted:
            assert not expected
            return multiple()
        assert expected
        assert ticket is not None
        assert ticket.reservation is not None
        expires = self.bench.now + RESERVED_SECONDS
        self.model.held[ticket.reservation.id] = Taken(self.today, units, expires)
        return ticket

    @rule(ticket=tickets)
    def settle(self, ticket: Ticket) -> None:
        assert ticket.reservation is not None
        known = self.model.held.pop(ticket.reservation.id, None)
        in_time = known is not None and self.bench.now <= known.expires - MARGIN_SECONDS
        try:
            self.bench.meter().settle(ticket)
        except TooFast:
            assert not in_time
            return
        assert in_time
        assert known is not None
        self.model.done[known.day] += known.units

    @rule(ticket=tickets)
    def release(self, ticket: Ticket) -> None:
        assert ticket.reservation is not None
        self.bench.meter().release(ticket)
        self.model.held.pop(ticket.reservation.id, None)

    @rule(seconds=PAUSES)
    def pause(self, seconds: float) -> None:
        self.bench.later(seconds)

    @rule()
    def midnight(self) -> None:
        """To the first moment of the next day."""
        tomorrow = self.today + timedelta(days=1)
        self.bench.now = datetime(*tomorrow.timetuple()[:3], tzinfo=UTC).timestamp()

    @rule()
    def read(self) -> None:
        since, until = self.today - timedelta(days=70), self.today
        rows = self.bench.meter().usage("acme", since, until)
        counted: Counter[date] = Counter()
        for row in rows:
            counted[row.day] += row.images
        assert counted == +self.model.done
        live = {name for name, one in self.model.held.items() if one.expires > self.bench.now}
        assert list(self.store.expired_reservations("acme", since, until, self.bench.now)) == []
        standing = self.store.quota_usage("acme", self.today, self.bench.now)
        held = sum(
            self.model.held[name].units for name in live if self.model.held[name].day == self.today
        )
        assert standing.day == self.model.done[self.today] + held

    @rule(target=keys, lifetime=st.sampled_from([None, 30.0, 86400.0]))
    def create_key(self, lifetime: float | None) -> Key:
        expires = None if lifetime is None else self.bench.now + lifetime
        created = self.registry.create_key("acme", expires=expires)
        return Key(created.key, created.record.key_id, expires)

    @rule(target=keys, key=keys, overlap=st.sampled_from([0.0, 30.0, 3600.0]))
    def rotate(self, key: Key, overlap: float) -> Key:
        if key.revoked or (key.expires is not None and self.bench.now >= key.expires):
            with pytest.raises(ConsumerError):
                self.registry.rotate_key(key.key_id, overlap)
            return key
        created = self.registry.rotate_key(key.key_id, overlap)
        new = Key(created.key, created.record.key_id, key.expires, disabled=key.disabled)
        end = self.bench.now + overlap
        key.expires = end if key.expires is None else min(end, key.expires)
        return new

    @rule(key=keys)
    def revoke(self, key: Key) -> None:
        if not key.revoked:
            self.registry.revoke_key(key.key_id)
            key.revoked = True

    @rule(key=keys, on=st.booleans())
    def switch(self, key: Key, on: bool) -> None:
        if not key.revoked:
            (self.registry.enable_key if on else self.registry.disable_key)(key.key_id)
            key.disabled = not on

    @rule(key=keys)
    def authenticate(self, key: Key) -> None:
        over = key.expires is not None and self.bench.now >= key.expires
        try:
            caller = self.gate.authenticate([key.key])
        except KeyInvalid:
            assert key.revoked or over
        except KeyDisabled:
            assert key.disabled and not key.revoked and not over
        else:
            assert not (key.revoked or over or key.disabled)
            assert (caller.consumer, caller.key_id) == ("acme", key.key_id)

    def teardown(self) -> None:
        """Read once more, and close."""
        self.bench.later(RESERVED_SECONDS)
        self.read()
        self.store.close()


def run(machine: type[Machine], examples: int, *, control: bool = False) -> None:
    """Try so many runs; those of a positive control are neither kept nor made smaller."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            database=None if control else FOUND,
            phases=[Phase.generate] if control else list(Phase),
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_sqlite_does_as_the_model(tmp_path: Path) -> None:
    class OnSqlite(Machine):
        def open_store(self) -> Store:
            self.folder = tempfile.mkdtemp(dir=tmp_path)
            return SqliteStore(Path(self.folder))

        def teardown(self) -> None:
            super().teardown()
            shutil.rmtree(self.folder)

    run(OnSqlite, examples=60)


def test_dynamodb_does_as_the_model(dynamodb: Emulator) -> None:
    class OnDynamoDB(Machine):
        def open_store(self) -> Store:
            return DynamoStore(dynamodb.new_table())

    run(OnDynamoDB, examples=25)


def test_a_model_that_is_wrong_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A positive control: a quota that is one unit too generous."""

    class OnSqlite(Machine):
        def open_store(self) -> Store:
            return SqliteStore(Path(tempfile.mkdtemp(dir=tmp_path)))

    room = Model.room
    monkeypatch.setattr(
        Model, "room", lambda self, day, units, now: room(self, day, units - 1, now)
    )
    with pytest.raises(AssertionError):
        run(OnSqlite, examples=400, control=True)

"""A month's statement against the meter, over a change of plan and of price in the middle."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from click.testing import CliRunner

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.metering import RESERVED_SECONDS, Charge
from imgvec.accounts.prices import Tariff, exact, in_cents
from imgvec.accounts.registry import Registry
from imgvec.accounts.statements import Statement, StatementLine, statement_of
from imgvec.cli import group
from imgvec.stores import Store
from imgvec.stores.dynamodb import DynamoStore
from imgvec.types import Plan, RequestContext, month_last
from tests.support.accounts.meter_bench import Bench

NOVEMBER = date(2026, 11, 1)


class Desk:
    """A consumer with a key, its operator and a server whose clock is set by hand."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = 0.0
        self.requests = 0
        self.registry = Registry(store, "root")
        self.key = self.registry.create_key("acme").key
        self.gate = Authenticator(store)
        self.meter = IdempotentMeter(store, window=3600.0, clock=lambda: self.now)

    def plan(self, name: str, price: int | None) -> None:
        """Set a plan's price."""
        self.registry.put_plan(Plan(name, price=price))

    def at(self, day: int, hour: int = 12) -> None:
        """Move the clock."""
        self.now = datetime(2026, 11, day, hour, tzinfo=UTC).timestamp()

    def charge(self, units: int, key: str | None = None) -> Charge:
        """A request of the consumer under the plan that it has now."""
        self.requests += 1
        context = RequestContext(f"r{self.requests}", "pixlab", "asked", key)
        caller = self.gate.authenticate([self.key])
        return Charge(caller, context, 512, "r" * 64, (b"image",) * units)

    def answer(self, units: int) -> None:
        """Answer a request."""
        ticket = self.meter.reserve(self.charge(units))
        assert ticket is not None
        self.meter.settle(ticket)

    def statement(self) -> Statement:
        """November's."""
        rows = self.meter.usage("acme", NOVEMBER, month_last(NOVEMBER))
        return statement_of("acme", NOVEMBER, rows)


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench.store)


def test_each_image_costs_the_price_of_its_time(desk: Desk) -> None:
    desk.at(1)
    desk.answer(5)
    desk.plan("small", 100_000)
    desk.plan("large", 33_333_333)
    desk.registry.assign_plan("acme", "small")
    desk.at(2)
    desk.answer(7)
    desk.at(14, 10)
    desk.answer(3)
    # The price changes in the middle of a day, and later the plan does.
    desk.plan("small", 120_001)
    desk.at(14, 11)
    desk.answer(11)
    desk.at(20)
    desk.registry.assign_plan("acme", "large")
    desk.answer(2)

    found = desk.statement()

    day = NOVEMBER.replace
    assert found.lines == [
        StatementLine(None, day(day=1), day(day=1), 5),
        StatementLine(Tariff("small", 100_000), day(day=2), day(day=14), 10),
        StatementLine(Tariff("small", 120_001), day(day=14), day(day=14), 11),
        StatementLine(Tariff("large", 33_333_333), day(day=20), day(day=20), 2),
    ]
    assert found.amount == 10 * 100_000 + 11 * 120_001 + 2 * 33_333_333
    assert (exact(found.amount), in_cents(found.amount)) == ("0.068986677", "0.07")
    counted = desk.store.usage("acme", NOVEMBER, month_last(NOVEMBER))
    assert found.images == sum(row.images for row in counted) == 28


def test_a_price_is_that_of_the_reservation(desk: Desk) -> None:
    desk.plan("small", 1)
    desk.registry.assign_plan("acme", "small")
    desk.at(30, 23)
    ticket = desk.meter.reserve(desk.charge(2))
    assert ticket is not None
    desk.plan("small", 5)
    desk.meter.settle(ticket)
    assert [line.amount for line in desk.statement().lines] == [2]


@pytest.mark.parametrize("ends", ["settles", "dies after its record"])
def test_an_idempotent_request_is_billed_once_at_its_first_price(desk: Desk, ends: str) -> None:
    desk.plan("small", 1)
    desk.registry.assign_plan("acme", "small")
    desk.at(3)
    ticket = desk.meter.reserve(desk.charge(1, "order-1"))
    assert ticket is not None
    assert ticket.lease is not None
    if ends == "settles":
        desk.meter.settle(ticket)
    else:
        kept = replace(ticket.lease.record, settled=True)
        assert desk.store.replace_record(ticket.lease.record, kept)
    desk.plan("small", 5)
    again = desk.meter.reserve(desk.charge(1, "order-1"))
    assert again is not None
    assert again.reservation is None
    desk.now += RESERVED_SECONDS
    assert [line.amount for line in desk.statement().lines] == [1]


class TestCommand:
    """`imgvec statement` and `imgvec usage` over both stores."""

    @pytest.fixture(autouse=True)
    def _billed(self, desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
        desk.plan("small", 100_000)
        desk.registry.assign_plan("acme", "small")
        desk.at(5)
        desk.answer(48_210)
        desk.plan("small", 80_000)
        desk.at(6)
        desk.answer(1377)
        desk.registry.create_key("idle")

    @pytest.fixture
    def environment(self, desk: Desk, tmp_path: object) -> dict[str, str]:
        if isinstance(desk.store, DynamoStore):
            return {"IMGVEC_TABLE": desk.store._table._name}
        return {"IMGVEC_DATA": str(tmp_path)}

    def run(self, environment: dict[str, str], *arguments: str) -> str:
        done = CliRunner().invoke(group, arguments, env=environment, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def test_as_a_table(self, environment: dict[str, str]) -> None:
        text = self.run(environment, "statement", "acme", "--month", "2026-11")
        assert text.splitlines() == [
            "Statement of acme for 2026-11",
            "",
            "plan     price  first       last        images   amount",
            "small   0.0001  2026-11-05  2026-11-05   48210    4.821",
            "small  0.00008  2026-11-06  2026-11-06    1377  0.11016",
            "total        -  -           -            49587     4.93",
            "",
        ]

    def test_as_objects(self, environment: dict[str, str]) -> None:
        (one,) = json.loads(self.run(environment, "statement", "--month", "2026-11", "--json"))
        assert (one["consumer"], one["images"], one["total"]) == ("acme", 49_587, "4.93")
        assert [(line["price"], line["amount"]) for line in one["lines"]] == [
            ("0.0001", "4.821"),
            ("0.00008", "0.11016"),
        ]

    def test_as_comma_separated_values(self, environment: dict[str, str]) -> None:
        text = self.run(environment, "statement", "--month", "2026-11", "--csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [(row["kind"], row["images"], row["amount"]) for row in rows] == [
            ("line", "48210", "4.821"),
            ("line", "1377", "0.11016"),
            ("total", "49587", "4.93"),
        ]

    def test_another_month_is_empty(self, environment: dict[str, str]) -> None:
        assert json.loads(self.run(environment, "statement", "--month", "2026-10", "--json")) == []

    def test_usage_has_a_column_of_amounts(self, environment: dict[str, str]) -> None:
        span = ("usage", "--since", "2026-11-01", "--until", "2026-11-30")
        assert json.loads(self.run(environment, *span, "--json")) == [
            {"consumer": "acme", "images": 49_587, "amount": "4.93116"}
        ]
        assert self.run(environment, *span, "--by", "day", "--csv").splitlines() == [
            "consumer,day,images,amount",
            "acme,2026-11-05,48210,4.821",
            "acme,2026-11-06,1377,0.11016",
        ]
        assert self.run(environment, *span).splitlines()[-1].split() == [
            "total",
            "49587",
            "4.93116",
        ]


def test_a_month_that_is_none() -> None:
    done = CliRunner().invoke(group, ["statement", "--month", "2026-13"])
    assert (done.exit_code, "is no month such as 2026-11" in done.stderr) == (2, True)

"""`imgvec keys`, `plans`, `usage` and `actions`, over a real store."""

import csv
import io
import json
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imgvec.accounts.keys import well_formed
from imgvec.accounts.ports import KeyRecord, Label, Reservation
from imgvec.cli import group
from imgvec.errors import ConsumerError
from imgvec.stores.sqlite import SqliteStore
from imgvec.types import UNLIMITED, Plan, Quota, day_of

MARCH = [date(2026, 3, day) for day in (1, 2, 31)]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMGVEC_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(data: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(data)) as store:
        yield store


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, arguments, catch_exceptions=False)


def answered(*arguments: str) -> list[dict[str, object]]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    content: list[dict[str, object]] = json.loads(result.stdout)
    return content


def count(store: SqliteStore, day: date, dialect: str, space: int, images: int) -> None:
    for consumer, factor in (("acme", 1), ("bit", 10)):
        name = f"{day}{dialect}{space}*{images * factor}"
        hold = Reservation(consumer, name, day, 1e12)
        store.add_consumer(consumer)
        store.reserve(hold, UNLIMITED, 0.0)
        assert store.settle(hold, Label("k_1", dialect, space))


class TestPlans:
    def test_created_and_listed(self, data: Path, store: SqliteStore) -> None:
        run("plans", "create", "all", "--rate", "2.5", "--burst", "9", "--daily", "10",
            "--monthly", "100", "--spaces", "512,768", "--soft")  # fmt: skip
        run("plans", "create", "none")
        expected = [
            Plan("all", 2.5, 9, Quota(10, 100), frozenset({512, 768}), soft=True),
            Plan("none"),
        ]
        assert list(store.list_plans()) == expected
        rows = answered("plans", "list")
        assert [row["name"] for row in rows] == ["all", "none"]
        assert rows[0]["spaces"] == "512,768"

    @pytest.mark.parametrize(
        ("text", "price", "seen"),
        [("0.0001", 100_000, "0.0001"), ("0", 0, "0.00"), ("1000", 10**12, "1000.00")],
    )
    def test_a_price(
        self, data: Path, store: SqliteStore, text: str, price: int, seen: str
    ) -> None:
        run("plans", "create", "small", "--price", text)
        assert list(store.list_plans()) == [Plan("small", price=price)]
        assert [row["price"] for row in answered("plans", "list")] == [seen]

    def test_assigned(self, data: Path, store: SqliteStore) -> None:
        run("plans", "create", "small", "--daily", "5")
        assert run("plans", "assign", "acme", "small").exit_code == 0
        assert store.plan_of("acme") == Plan("small", quota=Quota(daily=5))
        assert answered("plans", "list")[0]["consumers"] == 1

    def test_a_plan_that_does_not_exist(self, data: Path) -> None:
        with pytest.raises(ConsumerError, match="no plan 'gold'"):
            run("plans", "assign", "acme", "gold")
        with pytest.raises(ConsumerError, match="no plan 'gold'"):
            run("keys", "create", "acme", "--plan", "gold")
        assert answered("keys", "list") == []

    @pytest.mark.parametrize(
        "options",
        [
            ["--burst", "5"],
            *(["--rate", rate] for rate in ("0", "-1", "inf", "nan", "1e-320", "1e7", "-inf")),
            ["--rate", "1", "--burst", "9" * 30],
            *(["--daily", daily] for daily in ("0", "9" * 30, "nan")),
            ["--monthly", "-1"],
            ["--monthly", "9" * 400],
            *(["--price", price] for price in ("-1", "1e-4", "1000.01", "0.0000000001", "nan")),
            *(["--spaces", spaces] for spaces in ("512;768", "0", "-512", "9" * 30)),
        ],
    )
    def test_limits_that_are_none(self, data: Path, options: list[str]) -> None:
        assert run("plans", "create", "small", *options).exit_code == 2
        assert answered("plans", "list") == []


class TestKeys:
    def test_created_with_plan_and_end(self, data: Path, store: SqliteStore) -> None:
        run("plans", "create", "small")
        made = run("keys", "create", "acme", "--plan", "small", "--expires", "2026-12-31", "--json")
        content = json.loads(made.stdout)
        assert well_formed(content["key"])
        assert content["consumer"] == "acme"
        record = store.list_keys()[0]
        assert record.expires == datetime(2027, 1, 1, tzinfo=UTC).timestamp()
        assert store.plan_of("acme") == Plan("small")

    def test_a_second_key_leaves_the_plan(self, data: Path, store: SqliteStore) -> None:
        run("plans", "create", "small")
        run("keys", "create", "acme", "--plan", "small")
        run("keys", "create", "acme")
        assert store.plan_of("acme") == Plan("small")
        assert len(store.list_keys()) == 2

    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("2026-12-31T18:00Z", datetime(2026, 12, 31, 18, tzinfo=UTC)),
            ("2026-12-31T18:00", datetime(2026, 12, 31, 18, tzinfo=UTC)),
            ("2026-12-31T18:00+02:00", datetime(2026, 12, 31, 16, tzinfo=UTC)),
            ("2028-02-29", datetime(2028, 3, 1, tzinfo=UTC)),
        ],
    )
    def test_ends(self, data: Path, store: SqliteStore, given: str, meant: datetime) -> None:
        run("keys", "create", "acme", "--expires", given)
        assert store.list_keys()[0].expires == meant.timestamp()

    @pytest.mark.parametrize(
        "end",
        ["tomorrow", "9999-12-31", "9999-12-31T23:00-14:00", "0001-01-01T00:00+14:00", "nan"],
    )
    def test_an_end_that_is_no_date(self, data: Path, end: str) -> None:
        assert run("keys", "create", "acme", "--expires", end).exit_code == 2
        assert answered("keys", "list") == []

    @pytest.mark.parametrize("overlap", ["nan", "inf", "-1", "1e300"])
    def test_an_overlap_that_is_none(self, data: Path, overlap: str) -> None:
        old = json.loads(run("keys", "create", "acme", "--json").stdout)
        assert run("keys", "rotate", old["id"], "--overlap", overlap).exit_code == 2
        assert [row["id"] for row in answered("keys", "list")] == [old["id"]]

    def test_an_end_beyond_the_calendar_is_listed(self, data: Path, store: SqliteStore) -> None:
        store.add_key(KeyRecord("k_1", "acme", "0" * 64, 1.0, expires=1e15))
        assert [row["expires"] for row in answered("keys", "list")] == ["1000000000000000 s"]

    def test_states(self, data: Path) -> None:
        for _ in range(3):
            run("keys", "create", "acme")
        run("keys", "create", "acme", "--expires", "2020-01-01")
        ids = [str(row["id"]) for row in answered("keys", "list")]
        run("keys", "revoke", ids[0])
        run("keys", "disable", ids[1])
        states = [row["state"] for row in answered("keys", "list")]
        assert states == ["revoked", "disabled", "active", "expired"]
        run("keys", "enable", ids[1])
        assert answered("keys", "list")[1]["state"] == "active"

    def test_rotated(self, data: Path, store: SqliteStore) -> None:
        old = json.loads(run("keys", "create", "acme", "--json").stdout)
        new = json.loads(run("keys", "rotate", old["id"], "--overlap", "1", "--json").stdout)
        assert new["consumer"] == "acme"
        assert new["key"] != old["key"]
        first, second = store.list_keys()
        assert first.expires is not None
        assert first.expires - second.created == pytest.approx(3600, abs=5)
        assert second.expires is None

    def test_rotation_never_makes_a_key_last_longer(self, data: Path, store: SqliteStore) -> None:
        run("keys", "create", "acme", "--expires", "2030-01-01")
        before = store.list_keys()[0].expires
        new = run("keys", "rotate", store.list_keys()[0].key_id, "--overlap", "87600", "--json")
        assert json.loads(new.stdout)["expires"] == "2030-01-02 00:00:00Z"
        assert [record.expires for record in store.list_keys()] == [before, before]

    def test_rotating_an_expired_key_names_the_next_step(self, data: Path) -> None:
        run("keys", "create", "acme", "--expires", "2020-01-01")
        with pytest.raises(ConsumerError, match=r"has expired.*`imgvec keys create acme`"):
            run("keys", "rotate", str(answered("keys", "list")[0]["id"]))

    @pytest.mark.parametrize("what", ["rotate", "revoke", "disable", "enable"])
    def test_a_key_that_does_not_exist(self, data: Path, what: str) -> None:
        with pytest.raises(ConsumerError, match=r"no such key.*`imgvec keys list` shows all"):
            run("keys", what, "k_none")
        assert answered("actions") == []


class TestUsage:
    @pytest.fixture(autouse=True)
    def _counted(self, store: SqliteStore) -> None:
        for day in MARCH:
            count(store, day, "pixlab", 512, 1)
            count(store, day, "coreviz", 768, 2)

    SPAN = ("--since", "2026-03-01", "--until", "2026-03-31")

    def test_by_consumer(self) -> None:
        assert answered("usage", *self.SPAN) == [
            {"consumer": "acme", "images": 9},
            {"consumer": "bit", "images": 90},
        ]

    def test_of_one_consumer(self) -> None:
        assert answered("usage", "bit", *self.SPAN) == [{"consumer": "bit", "images": 90}]

    def test_both_ends_are_included(self) -> None:
        rows = answered("usage", "acme", "--since", "2026-03-02", "--until", "2026-03-31")
        assert rows == [{"consumer": "acme", "images": 6}]

    @pytest.mark.parametrize(
        ("by", "expected"),
        [
            ("day", {"2026-03-01": 3, "2026-03-02": 3, "2026-03-31": 3}),
            ("dialect", {"coreviz": 6, "pixlab": 3}),
            ("space", {"512": 3, "768": 6}),
        ],
    )
    def test_grouped(self, by: str, expected: dict[str, int]) -> None:
        rows = answered("usage", "acme", *self.SPAN, "--by", by)
        assert [(row[by], row["images"]) for row in rows] == list(expected.items())

    def test_a_table_has_a_total(self) -> None:
        lines = run("usage", *self.SPAN, "--by", "space").output.splitlines()
        assert lines[0].split() == ["consumer", "space", "images"]
        assert lines[-1].split() == ["total", "99"]

    def test_comma_separated(self) -> None:
        rows = list(csv.reader(io.StringIO(run("usage", *self.SPAN, "--csv").output)))
        assert rows == [["consumer", "images"], ["acme", "9"], ["bit", "90"]]

    def test_this_month_unless_said_otherwise(self, store: SqliteStore) -> None:
        now = datetime.now(UTC).timestamp()
        count(store, day_of(now), "pixlab", 512, 5)
        assert answered("usage", "acme") == [{"consumer": "acme", "images": 5}]

    def test_a_consumer_that_does_not_exist(self) -> None:
        result = run("usage", "nobody")
        assert result.exit_code == 1
        assert "no consumer 'nobody': `imgvec consumers list` shows them" in result.output


class TestStatement:
    def test_the_last_month_unless_said_otherwise(self, store: SqliteStore) -> None:
        today = day_of(datetime.now(UTC).timestamp())
        last = today.replace(day=1) - timedelta(days=1)
        count(store, today, "pixlab", 512, 3)
        count(store, last, "pixlab", 512, 5)
        (statement,) = answered("statement", "acme")
        assert (statement["month"], statement["images"]) == (last.isoformat()[:7], 5)
        # Images without a price have no amount.
        assert statement["total"] is None

    def test_a_consumer_that_does_not_exist(self, data: Path) -> None:
        assert "no consumer 'nobody'" in run("statement", "nobody").output


class TestActions:
    def test_who_what_when_and_no_key(
        self, data: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LOGNAME", "ada")
        caplog.set_level(logging.INFO)
        run("plans", "create", "small")
        made = json.loads(run("keys", "create", "acme", "--plan", "small", "--json").stdout)
        run("keys", "disable", made["id"])
        run("keys", "revoke", made["id"])
        rows = answered("actions")
        assert [row["what"] for row in rows] == [
            "plans create",
            "plans assign",
            "keys create",
            "keys disable",
            "keys revoke",
        ]
        assert {row["who"] for row in rows} == {"ada"}
        assert all(str(row["when"]).endswith("Z") for row in rows)
        assert rows[-1]["about"] == made["id"]
        logged = [record for record in caplog.records if record.name == "imgvec.admin"]
        assert len(logged) == len(rows)
        assert made["key"] not in caplog.text + json.dumps(rows)

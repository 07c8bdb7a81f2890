"""Plans as an older version or another hand has stored them, in each store."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.registry import Registry
from imgvec.errors import ConsumerError, TooFast
from imgvec.stores import Store
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.dynamodb.notation import Value
from imgvec.stores.sqlite import FILE_NAME
from imgvec.types import BURSTS, BYTES, PRICES, QUOTAS, RATES, SPACES, Plan, Quota

TOO_MUCH: Final = 10**30
BAD: Final = {
    "tiny rate": (Plan("p", rate=1e-120), Plan("p", rate=RATES.least)),
    "no rate at all": (Plan("p", rate=0.0), Plan("p", rate=RATES.least)),
    "rate below zero": (Plan("p", rate=-5.0), Plan("p", rate=RATES.least)),
    "huge rate": (Plan("p", rate=1e100, burst=5), Plan("p", rate=RATES.greatest, burst=5)),
    "huge burst": (
        Plan("p", rate=1.0, burst=TOO_MUCH),
        Plan("p", rate=1.0, burst=int(BURSTS.greatest)),
    ),
    "quotas": (
        Plan("p", quota=Quota(daily=-3, monthly=TOO_MUCH)),
        Plan("p", quota=Quota(daily=1, monthly=int(QUOTAS.greatest))),
    ),
    "bytes": (
        Plan("p", storage=0, max_bytes=TOO_MUCH),
        Plan("p", storage=1, max_bytes=int(BYTES.greatest)),
    ),
    "price below zero": (Plan("p", price=-1), Plan("p", price=0)),
    "huge price": (Plan("p", price=TOO_MUCH), Plan("p", price=int(PRICES.greatest))),
    "spaces": (
        Plan("p", spaces=frozenset({-1, 512, TOO_MUCH})),
        Plan("p", spaces=frozenset({1, 512, int(SPACES.greatest)})),
    ),
}


def test_a_plan_from_before_its_limits_in_bytes_is_read(any_store: Store, tmp_path: Path) -> None:
    document: dict[str, Value] = {"name": "p", "rate": 5.0, "quota": {"daily": 9}, "soft": False}
    if isinstance(any_store, DynamoStore):
        any_store._table.put("plans", "p", document)
    else:
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
            connection.execute(
                "INSERT INTO plans VALUES ('p', ?)", (json.dumps(document).encode(),)
            )
    assert any_store.list_plans() == [Plan("p", 5.0, quota=Quota(daily=9))]


@pytest.mark.parametrize("name", BAD)
def test_a_stored_number_out_of_bounds_is_read_as_the_nearest_within(
    any_store: Store, name: str
) -> None:
    stored, read = BAD[name]
    any_store.put_plan(stored)
    any_store.assign_plan("acme", "p")
    assert any_store.plan_of("acme") == read
    assert any_store.list_plans() == [read]


@pytest.mark.parametrize("name", BAD)
def test_no_administrator_stores_such_a_plan(any_store: Store, name: str) -> None:
    with pytest.raises(ConsumerError, match="out of bounds"):
        Registry(any_store, "root").put_plan(BAD[name][0])
    assert any_store.list_plans() == []


@pytest.mark.parametrize("rate", [float("inf"), float("nan"), 1e-320])
def test_no_administrator_stores_such_a_rate(any_store: Store, rate: float) -> None:
    with pytest.raises(ConsumerError, match="out of bounds"):
        Registry(any_store, "root").put_plan(Plan("p", rate=rate))
    assert any_store.list_plans() == []


def test_a_stored_rate_of_next_to_nothing_is_429_and_no_error(any_store: Store) -> None:
    any_store.put_plan(Plan("p", rate=1e-120))
    created = Registry(any_store, "root").create_key("acme", "p")
    gate = Authenticator(any_store)
    caller = gate.authenticate([created.key])
    gate.authorize(caller, 512)
    with pytest.raises(TooFast) as refused:
        gate.authorize(caller, 512)
    assert refused.value.retry_after == 10_000

"""A bench over each store."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from imgvec.stores import Store
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.sqlite import SqliteStore
from tests.support.accounts.meter_bench import Bench


@pytest.fixture(params=["sqlite", "dynamodb"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A bench over an empty store of each kind."""
    if request.param == "sqlite":
        store: Store = SqliteStore(tmp_path)
    else:
        store = DynamoStore(request.getfixturevalue("dynamodb").new_table())
    with closing(store):
        yield Bench(store)

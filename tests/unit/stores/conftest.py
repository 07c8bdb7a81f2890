"""Both stores, for one suite."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from imgvec.stores import Store
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.sqlite import SqliteStore
from tests.support.aws.dynamodb import Emulator


@pytest.fixture(params=["sqlite", "dynamodb"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    if request.param == "sqlite":
        store: Store = SqliteStore(tmp_path)
    else:
        store = DynamoStore(request.getfixturevalue("dynamodb").new_table())
    with closing(store):
        yield store


@pytest.fixture
def dynamo(dynamodb: Emulator) -> Iterator[DynamoStore]:
    """An empty table."""
    with closing(DynamoStore(dynamodb.new_table())) as store:
        yield store

"""Names at the gateway, in a table."""

from contextlib import closing
from pathlib import Path

from imgvec.accounts.ports import Identifier
from imgvec.stores import identifiers_in
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.sqlite import SqliteStore

PENDING = Identifier("acme", "g1", "p1")
ACCEPTED = Identifier("acme", "g1", "p2", accepted=True)


def test_one_a_consumer_kept_as_given_beside_its_plan(dynamo: DynamoStore) -> None:
    dynamo.add_consumer("acme")
    assert dynamo.find_identifier("acme") is None
    dynamo.put_identifier(PENDING)
    dynamo.put_identifier(Identifier("b", "g2", "p1"))
    assert dynamo.find_identifier("acme") == PENDING
    dynamo.put_identifier(ACCEPTED)
    assert list(dynamo.list_identifiers()) == [ACCEPTED, Identifier("b", "g2", "p1")]
    for _ in range(2):
        dynamo.delete_identifier("acme")
    assert dynamo.find_identifier("acme") is None
    assert [consumer.name for consumer in dynamo.list_consumers()] == ["acme"]


def test_a_file_has_none(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        assert identifiers_in(store) is None

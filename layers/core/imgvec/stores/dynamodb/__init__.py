"""Everything but the bytes of assets in one DynamoDB table: the store of the cloud.

The table has a partition key `pk` and a sort key `sk`, both strings, is billed by request, and has
its time to live on `ttl`, which tidies and on which nothing depends. Collections that only
administrators list (`keys`, `plans`, `consumers`, `actions`) are one partition each.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from imgvec.accounts.ports import Identifier
from imgvec.stores.dynamodb.accounts import DynamoKeys, DynamoPlans, DynamoRecords
from imgvec.stores.dynamodb.assets import DynamoAssets
from imgvec.stores.dynamodb.deletion import DynamoDeletion
from imgvec.stores.dynamodb.meter import DynamoMeter
from imgvec.stores.dynamodb.table import Part, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_IDENTIFIERS: Final = "identifiers"
_IDENTIFIER: Final = TypeAdapter(Identifier)


class DynamoIdentifiers(Part):
    """An `IdentifierStore`. Look-ups are consistent, or a probe could pass under a shared name."""

    def find_identifier(self, consumer: str) -> Identifier | None:
        item = self._table.get(_IDENTIFIERS, consumer)
        return _IDENTIFIER.validate_python(item) if item else None

    def put_identifier(self, identifier: Identifier) -> None:
        self._table.put(_IDENTIFIERS, identifier.consumer, asdict(identifier))

    def list_identifiers(self) -> Sequence[Identifier]:
        return [_IDENTIFIER.validate_python(item) for item in self._table.query(_IDENTIFIERS)]

    def delete_identifier(self, consumer: str) -> None:
        self._table.delete(_IDENTIFIERS, consumer, "attribute_exists(#pk)")


class DynamoStore(
    DynamoKeys,
    DynamoPlans,
    DynamoMeter,
    DynamoRecords,
    DynamoAssets,
    DynamoIdentifiers,
    DynamoDeletion,
):
    """A `Store` and an `IdentifierStore` in one table, shared by many processes.

    Every method is one request where it is called for an image; only uploads and deletions of files
    and of consumers use transactions. Each may raise `StoreError`, or `TooFast` where DynamoDB
    throttles.
    """

    def __init__(self, table: str) -> None:
        """Make the client, once; nothing is asked of DynamoDB yet."""
        super().__init__(Table(make_client(), table))

    def close(self) -> None:
        """Close the connections."""
        self._table.close()


def make_client() -> "DynamoDBClient":
    """A client for the region and credentials of the environment.

    A request without an answer after 2 s is sent again, twice at most: together that stays well
    within the function's time, and ids make a repeated write harmless.
    """
    # Slow to import, and not needed on a laptop.
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=1,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=16,
    )
    return boto3.client("dynamodb", config=config)

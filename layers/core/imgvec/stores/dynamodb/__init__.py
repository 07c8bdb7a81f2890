"""Everything but the bytes of assets in one DynamoDB table: the store of the cloud.

The table has a partition key `pk` and a sort key `sk`, both strings, is billed by request, and has
its time to live on `ttl`, which tidies and on which nothing depends. Collections that only
administrators list (`keys`, `plans`, `consumers`, `actions`) are one partition each.
"""

from imgvec.stores.dynamodb.assets import DynamoAssets
from imgvec.stores.dynamodb.claims import DynamoClaims
from imgvec.stores.dynamodb.client import make_client
from imgvec.stores.dynamodb.identifiers import DynamoIdentifiers
from imgvec.stores.dynamodb.keys import DynamoKeys
from imgvec.stores.dynamodb.meter import DynamoMeter
from imgvec.stores.dynamodb.plans import DynamoPlans
from imgvec.stores.dynamodb.table import Table


class DynamoStore(
    DynamoKeys, DynamoPlans, DynamoMeter, DynamoClaims, DynamoAssets, DynamoIdentifiers
):
    """A `Store` and an `IdentifierStore` in one table, shared by many processes.

    Every method is one request where it is called for an image; none uses a transaction. Each may
    raise `StoreError`, or `TooFast` where DynamoDB throttles.
    """

    def __init__(self, table: str) -> None:
        """Make the client, once; nothing is asked of DynamoDB yet."""
        super().__init__(Table(make_client(), table))

    def close(self) -> None:
        """Close the connections."""
        self._table.close()

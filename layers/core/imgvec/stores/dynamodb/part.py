"""What the parts of the DynamoDB store share."""

from imgvec.stores.dynamodb.table import Table


class Part:
    """One protocol's methods over the shared table."""

    def __init__(self, table: Table) -> None:
        """`table` exists."""
        self._table = table

"""What the parts of the SQLite store share."""

from imgvec.stores.sqlite.database import Database


class Part:
    """One protocol's methods over the shared file."""

    def __init__(self, database: Database) -> None:
        """`database` has the newest schema."""
        self._database = database

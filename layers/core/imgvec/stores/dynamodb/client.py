"""boto3's client, and what of it is used."""

from collections.abc import Mapping
from typing import Protocol, TypedDict

from imgvec.stores.dynamodb.items import Written


class Answer(TypedDict, total=False):
    """What is read of DynamoDB's answers."""

    Item: Mapping[str, Written]
    Items: list[Mapping[str, Written]]
    Attributes: Mapping[str, Written]
    LastEvaluatedKey: Mapping[str, Written]


class Client(Protocol):
    """The calls that are made, each with the arguments that DynamoDB names."""

    def get_item(self, **arguments: object) -> Answer:
        """GetItem."""

    def put_item(self, **arguments: object) -> Answer:
        """PutItem."""

    def update_item(self, **arguments: object) -> Answer:
        """UpdateItem."""

    def delete_item(self, **arguments: object) -> Answer:
        """DeleteItem."""

    def query(self, **arguments: object) -> Answer:
        """Query."""

    def close(self) -> None:
        """Close the connections."""


def make_client() -> Client:
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
    client: Client = boto3.client("dynamodb", config=config)
    return client

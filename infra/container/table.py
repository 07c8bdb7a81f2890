"""Creates the table of template.yaml in a local DynamoDB: `python3 table.py NAME`."""

import sys
from typing import Any

import boto3
from botocore.exceptions import ClientError


def create(name: str) -> None:
    """Create the table, unless it is there."""
    client: Any = boto3.client("dynamodb")
    try:
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
    except ClientError as problem:
        if problem.response["Error"]["Code"] != "ResourceInUseException":
            raise
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


if __name__ == "__main__":
    create(sys.argv[1])

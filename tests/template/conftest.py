"""An emulated account, for tests that record calls."""

import uuid
from contextlib import closing

import boto3
import pytest

from tests.support.aws.dynamodb import Emulator
from tests.support.aws.recorded_calls import Account


@pytest.fixture
def account(aws: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Account:
    """A new table and a new bucket on the emulator."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    bucket = f"imgvec-{uuid.uuid4().hex[:12]}"
    with closing(boto3.client("s3")) as client:
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return Account(Emulator(aws["AWS_ENDPOINT_URL"]).new_table(), bucket)

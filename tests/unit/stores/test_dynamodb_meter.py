"""What only DynamoDB's meter has to stand: clocks that differ, and writes that are sent twice."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from imgvec.accounts.ports import IdempotencyRecord, Label, QuotaUsage, Reservation
from imgvec.errors import TooFast
from imgvec.stores.dynamodb import DynamoStore, make_client
from imgvec.stores.dynamodb.accounts import DynamoRecords
from imgvec.stores.dynamodb.meter import DynamoMeter
from imgvec.stores.dynamodb.table import Table
from imgvec.types import UNLIMITED, Quota
from tests.support.aws.dynamodb import Emulator

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)
LABEL = Label("k_1", "pixlab", 512)
NOW = 1000.0


def hold(name: str, day: date = FIRST) -> Reservation:
    return Reservation("acme", name, day, expires=2000)


def raw_client() -> Any:
    """boto3's client with all that it has."""
    return make_client()


class Twice:
    """A client whose first answers are lost: every write is sent again, as boto3 does."""

    def __init__(self) -> None:
        self.client = raw_client()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.client, name)
        if name not in ("put_item", "update_item", "delete_item"):
            return call

        def twice(**arguments: object) -> Any:
            from botocore.exceptions import ClientError

            try:
                call(**arguments)
                answer = call(**arguments)
            except ClientError as failed:
                failed.response["ResponseMetadata"]["RetryAttempts"] = 1
                raise
            return answer

        return twice


@pytest.fixture
def lossy(dynamodb: Emulator) -> Iterator[Table]:
    """A table behind a client that loses first answers."""
    twice: Any = Twice()
    yield Table(twice, dynamodb.new_table())
    twice.client.close()


class TestClocks:
    def test_one_that_is_behind_counts_to_the_day_that_is_open(self, dynamo: DynamoStore) -> None:
        dynamo.reserve(hold("a", SECOND), UNLIMITED, NOW)
        granted, standing = dynamo.reserve(hold("b", FIRST), Quota(daily=2), NOW)
        assert granted == hold("b", SECOND)
        assert standing == QuotaUsage(2, 2)
        assert dynamo.settle(granted, LABEL)
        assert dynamo.reserve(hold("c", FIRST), Quota(daily=2), NOW)[0] is None

    def test_a_day_that_is_over_can_still_be_settled(self, dynamo: DynamoStore) -> None:
        dynamo.reserve(hold("a", FIRST), UNLIMITED, NOW)
        dynamo.reserve(hold("b", SECOND), UNLIMITED, NOW)
        assert dynamo.settle(hold("a", FIRST), LABEL)
        assert dynamo.quota_usage("acme", SECOND, NOW) == QuotaUsage(1, 2)

    def test_a_new_month_closes_nothing(self, dynamo: DynamoStore) -> None:
        dynamo.reserve(hold("a", FIRST), UNLIMITED, NOW)
        last = date(2026, 2, 28)
        assert dynamo.reserve(hold("b", last), UNLIMITED, NOW)[0] == hold("b", last)


class TestSentTwice:
    def test_an_image_is_counted_once(self, lossy: Table) -> None:
        meter = DynamoMeter(lossy)
        for name in ("a", "b"):
            granted, _ = meter.reserve(hold(name), Quota(daily=2), NOW)
            assert granted == hold(name)
            assert meter.settle(granted, LABEL) is True
        assert meter.quota_usage("acme", FIRST, NOW) == QuotaUsage(2, 2)
        assert [row.images for row in meter.usage("acme", FIRST, FIRST)] == [2]

    def test_a_unit_is_given_back_once(self, lossy: Table) -> None:
        meter = DynamoMeter(lossy)
        meter.reserve(hold("a"), UNLIMITED, NOW)
        meter.reserve(hold("b"), UNLIMITED, NOW)
        meter.release(hold("a"))
        assert meter.quota_usage("acme", FIRST, NOW) == QuotaUsage(1, 1)

    def test_claims_are_known_as_ones_own(self, lossy: Table) -> None:
        claims = DynamoRecords(lossy)
        claim = IdempotencyRecord("n", "asked", "c", "r", hold("n/1"), LABEL, kept=NOW)
        other = IdempotencyRecord("n", "asked", "c", "r", hold("n/2"), LABEL, kept=NOW)
        assert claims.add_record(claim, NOW) is True
        assert claims.add_record(other, NOW) is False
        assert claims.replace_record(claim, other) is True
        assert claims.delete_record(other) is True
        assert claims.find_record("acme", "n") is None


def test_a_store_that_gives_no_item_back_is_not_asked_for_ever(
    dynamo: DynamoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgvec.stores.dynamodb.table._item", lambda written: None)
    with pytest.raises(TooFast):
        dynamo.reserve(hold("a"), UNLIMITED, NOW)

"""What an image costs in DynamoDB, counted from the emulator's own `ConsumedCapacity`."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from imgvec.accounts.metering import short_name
from imgvec.accounts.ports import Label, Reservation
from imgvec.accounts.prices import Tariff
from imgvec.stores.dynamodb import make_client
from imgvec.stores.dynamodb.meter import DynamoMeter
from imgvec.stores.dynamodb.table import Table
from imgvec.types import Quota
from tests.support.aws.dynamodb import Emulator

DAY = date(2026, 2, 28)
LABEL = Label("k_1a2B3c4D5e", "memories.ai", 1024)
PRICED = replace(LABEL, tariff=Tariff("enterprise-2026", 100_000))


def raw_client() -> Any:
    """boto3's client with all that it has."""
    return make_client()


class Counted:
    """A meter whose requests are counted."""

    def __init__(self, table: str) -> None:
        self.units: list[float] = []
        self.client = raw_client()
        events = self.client.meta.events
        events.register("provide-client-params.dynamodb", self._ask)
        events.register("after-call.dynamodb", self._note)
        self.meter = DynamoMeter(Table(self.client, table))

    def _ask(self, params: dict[str, object], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def _note(self, parsed: dict[str, Any], **_: object) -> None:
        # An answer that a condition does not hold names none.
        if "ConsumedCapacity" in parsed:
            self.units.append(parsed["ConsumedCapacity"]["CapacityUnits"])

    def image(self, name: str, label: Label = LABEL) -> list[float]:
        """Units of the requests that one image makes."""
        self.units.clear()
        granted, _ = self.meter.reserve(hold(name), Quota(1000, 1000), 0.0)
        assert granted is not None
        assert self.meter.settle(granted, label)
        return list(self.units)


def hold(name: str) -> Reservation:
    return Reservation("a-consumer", short_name(name), DAY, 1.8e9)


@pytest.fixture
def counted(dynamodb: Emulator) -> Iterator[Counted]:
    counted = Counted(dynamodb.new_table())
    yield counted
    counted.client.close()


@pytest.mark.parametrize("label", [LABEL, PRICED], ids=["without-price", "priced"])
@pytest.mark.parametrize("beside", [0, 10, 30])
def test_two_write_units_an_image_with_others_in_flight(
    counted: Counted, beside: int, label: Label
) -> None:
    counted.image("opens the day", label)
    for number in range(beside):
        counted.meter.reserve(hold(f"h{number}"), Quota(1000, 1000), 0.0)
    assert counted.image("one", label) == [1.0, 1.0]


def test_an_item_over_a_kilobyte_costs_more(counted: Counted) -> None:
    """A positive control, and why a hold is told by sixteen characters."""
    for number in range(60):
        counted.meter.reserve(hold(f"h{number}"), Quota(1000, 1000), 0.0)
    assert counted.image("one") == [2.0, 2.0]

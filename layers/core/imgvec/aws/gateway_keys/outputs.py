"""Reads the outputs of a CloudFormation stack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypedDict

from imgvec.aws.gateway_keys.calls import patient, reported
from imgvec.errors import StackError

TIERS: Final = ("SlowPlanId", "MiddlePlanId", "FastPlanId")
"""Outputs of `template.yaml`, absent where it was deployed with `GatewayKeys=off`."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack."""

    name: str
    table: str
    url: str
    """URL at the gateway's own host name, not at a custom domain."""
    usage_plans: tuple[str, ...]
    """Ids of the usage plans; empty with `GatewayKeys=off`."""


class _Output(TypedDict):
    OutputKey: str
    OutputValue: str


class _Client(Protocol):
    def describe_stacks(
        self, *, StackName: str
    ) -> Mapping[str, list[Mapping[str, list[_Output]]]]: ...


def find_stack(name: str) -> Stack:
    """Look a stack up, in the region and account of the environment.

    Raises:
        StackError: it does not exist, is not a stack of imgvec, or AWS cannot be reached.
    """
    import boto3

    with reported("CloudFormation"):
        client: _Client = boto3.client("cloudformation", config=patient())
        found = client.describe_stacks(StackName=name)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
    try:
        table, url = outputs["TableName"], outputs["GatewayUrl"]
    except KeyError as missing:
        raise StackError(
            f"The stack {name} has no output {missing}: deploy it with this version of imgvec."
        ) from None
    return Stack(name, table, url, tuple(outputs[tier] for tier in TIERS if tier in outputs))

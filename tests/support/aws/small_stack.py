"""A stack on the emulator with table, bucket and usage plans, and an imitation of its gateway.

No emulator takes a request's key from the authorizer, so the imitation asks the real authorizer
and then the emulated usage plans, and answers 403 where API Gateway would.
"""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import boto3
import pytest

from imgvec.aws.gateway_keys.names import SHARED, Consumers, Shown, throttled_as
from imgvec.aws.gateway_keys.usage_plans import TIERS, find_stack, gateway_prefix
from imgvec.stores.dynamodb import DynamoStore
from tests.support.aws.translated_template import written
from tests.support.http.scripted_listener import QuietHandler, answering

PLANS: Final = ("SlowPlan", "MiddlePlan", "FastPlan")


@dataclass
class SmallStack:
    """A stack, and under which names requests came to its gateway."""

    name: str
    names: list[str]

    @property
    def gateway(self) -> Any:
        """The control plane."""
        return boto3.client("apigateway")

    def attached(self) -> dict[str, str]:
        """The usage plan's output by the name of each attached key; a key in two fails."""
        found: dict[str, str] = {}
        for output, key in self._keys():
            assert key["name"] not in found
            found[key["name"]] = output
        return found

    def values(self) -> set[str]:
        """Values of all attached keys."""
        return {key["value"] for _, key in self._keys()}

    def _keys(self) -> list[tuple[str, dict[str, str]]]:
        # Unlike AWS, the emulator leaves a key that is deleted in its usage plan.
        there = {key["id"] for key in self.gateway.get_api_keys(limit=500)["items"]}
        return [
            (output, key)
            for output, plan in zip(TIERS, find_stack(self.name).usage_plans, strict=True)
            for key in self.gateway.get_usage_plan_keys(usagePlanId=plan)["items"]
            if key["id"] in there
        ]


@contextmanager
def small_stack(name: str, *, gateway_keys: bool = True) -> Iterator[SmallStack]:
    """Deploy it; the emulator's variables are in the environment.

    Its table is in the same emulator, also where other tests have DynamoDB from another.
    """
    stack = SmallStack(name, [])
    with _listening(stack) as address, pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
        client = boto3.client("cloudformation")
        client.create_stack(
            StackName=name, TemplateBody=json.dumps(_template(address, gateway_keys))
        )
        client.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
        yield stack


def _template(address: str, gateway_keys: bool) -> dict[str, Any]:
    """Table and plans as `template.yaml` has them, a bucket, and not what the emulator lacks."""
    plans, tiers = (PLANS, TIERS) if gateway_keys else ((), ())
    resources = {name: dict(written()["Resources"][name]) for name in ("Table", *plans)}
    for plan in plans:
        properties = {**resources[plan]["Properties"]}
        del properties["ApiStages"]
        resources[plan] = {"Type": resources[plan]["Type"], "Properties": properties}
    resources["Bucket"] = {"Type": "AWS::S3::Bucket"}
    wanted = ("TableName", "BucketName", *tiers)
    outputs = {name: written()["Outputs"][name]["Value"] for name in wanted}
    outputs["GatewayUrl"] = address
    shown = {name: {"Value": value} for name, value in outputs.items()}
    decided = {name: written()[name] for name in ("Parameters", "Conditions")}
    return {**decided, "Resources": resources, "Outputs": shown}


@contextmanager
def _listening(stack: SmallStack) -> Iterator[str]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            with closing(DynamoStore(find_stack(stack.name).table)) as store:
                headers = {name.lower(): value for name, value in self.headers.items()}
                name = throttled_as(Shown(self.path, headers, {}), Consumers(store, store))
            stack.names.append(name)
            known = name == SHARED or f"{gateway_prefix(stack.name)}-{name}" in stack.values()
            self.send_response(200 if known else 403)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with answering(Handler) as address:
        yield address

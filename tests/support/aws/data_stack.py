"""The part of `template.yaml` that outlives a stack, on an emulator: its table and its bucket.

An emulator without containers has no functions and no gateway, so this is all that is deployed.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import boto3

from tests.support.aws.translated_template import written

RESOURCES: Final = ("Table", "Bucket", "BucketPolicy")
OUTPUTS: Final = ("TableName", "BucketName")
PATIENCE: Final = {"Delay": 1, "MaxAttempts": 60}


def deploy(name: str, **parameters: str) -> dict[str, str]:
    """Create the stack, or update one that is there; gives its outputs."""
    client: Any = boto3.client("cloudformation")
    there = {one["StackName"] for one in client.describe_stacks()["Stacks"]}
    step = "update" if name in there else "create"
    getattr(client, f"{step}_stack")(
        StackName=name,
        TemplateBody=json.dumps(_template()),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )
    client.get_waiter(f"stack_{step}_complete").wait(StackName=name, WaiterConfig=PATIENCE)
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def destroy(name: str) -> None:
    """Delete the stack."""
    client: Any = boto3.client("cloudformation")
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=PATIENCE)


def _template() -> Mapping[str, Any]:
    whole = written()
    outputs = {name: whole["Outputs"][name] for name in OUTPUTS}
    return {
        "Parameters": whole["Parameters"],
        "Conditions": whole["Conditions"],
        "Resources": {name: whole["Resources"][name] for name in RESOURCES},
        "Outputs": {**outputs, "GatewayUrl": {"Value": "http://127.0.0.1:9"}},
    }

"""The stacks that the templates make together, and the rights and variables of each function."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, Final

from tests.support.aws.recorded_calls import Account, Granted
from tests.support.aws.resolved_template import Stack, as_text
from tests.support.aws.translated_template import Resource, nested, translation, written

NESTED: Final = "AWS::CloudFormation::Stack"
FUNCTION: Final = "AWS::Lambda::Function"


@dataclass(frozen=True)
class Deployment:
    """A combination's stacks."""

    root: Stack
    nested: dict[str, Stack]
    passed: dict[str, dict[str, Any]]
    """Parameters as the root gives them to each nested stack."""

    @property
    def stacks(self) -> dict[str, Stack]:
        """All of them by name."""
        return {"root": self.root, **self.nested}


@cache
def after_sam(shift: str) -> Resource:
    """The template after SAM's translator, which itself decides by this parameter alone."""
    return translation(Shift=shift)


def deployment(chosen: Mapping[str, str]) -> Deployment:
    """The stacks under these parameters; those that are not given have their defaults."""
    found = Deployment(Stack.of(after_sam(chosen.get("Shift", "AllAtOnce")), chosen), {}, {})
    for name, resource in found.root.resources.items():
        if resource["Type"] == NESTED:
            passed = found.passed[name] = resource["Properties"]["Parameters"]
            # A resource's name or address is known when it is there: any, and not empty.
            given = {
                parameter: "deployed" if isinstance(value, dict) else value
                for parameter, value in passed.items()
            }
            location = written()["Resources"][name]["Properties"]["Location"]
            found.nested[name] = Stack.of(nested(location.split("/")[1]), given)
    return found


def named(stack: Deployment, value: Any) -> str:
    """A resolved value as one text, with what nested stacks give in its place."""
    text = as_text(value)
    for name, made in stack.nested.items():
        for output, one in made.outputs.items():
            place = f"${{{name}.Outputs.{output}}}"
            if place not in text:
                continue
            given = one["Value"]
            if isinstance(given, dict):
                # A name that a resource has because it was given it.
                resource, attribute = given["Fn::GetAtt"]
                given = made.resources[resource]["Properties"][attribute]
            text = text.replace(place, str(given))
    return text


def environment_of(function: str, stack: Deployment, account: Account) -> dict[str, str]:
    """A function's variables once the stack stands."""
    known = {"${Table}": account.table, "${Bucket}": account.bucket}
    variables = stack.root.resources[function]["Properties"]["Environment"]["Variables"]
    texts = {name: named(stack, value) for name, value in variables.items()}
    return {name: known.get(text, text) for name, text in texts.items()}


def granted(function: str, stack: Deployment) -> set[Granted]:
    """All rights of a function's role."""
    role = stack.root.resources[f"{function}Role"]["Properties"]
    policies = [policy["PolicyDocument"] for policy in role["Policies"]] + [
        one["Properties"]["PolicyDocument"]
        for one in stack.root.resources.values()
        if one["Type"] == "AWS::IAM::RolePolicy"
        and one["Properties"]["RoleName"] == {"Ref": f"{function}Role"}
    ]
    return {
        Granted(action, named(stack, place))
        for policy in policies
        for statement in policy["Statement"]
        for action, place in product(*(listed(statement[part]) for part in ("Action", "Resource")))
    }


def aliases(stack: Deployment) -> dict[str, str]:
    """Functions by their alias."""
    return {
        name: one["Properties"]["FunctionName"]["Ref"]
        for name, one in stack.root.resources.items()
        if one["Type"] == "AWS::Lambda::Alias"
    }


def letters_of(function: str, stack: Deployment) -> set[Granted]:
    """Rights by which the platform puts events that a function failed to take into the queue."""
    return {
        Granted("sqs:SendMessage", as_text(destination))
        for resource in stack.root.resources.values()
        if resource["Type"] == "AWS::Lambda::EventInvokeConfig"
        and resource["Properties"]["FunctionName"] == {"Ref": function}
        for destination in resource["Properties"]["DestinationConfig"]["OnFailure"].values()
    }


def listed(value: Any) -> list[Any]:
    """A value that may stand alone."""
    return value if isinstance(value, list) else [value]

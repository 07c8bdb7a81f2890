"""The deployment as a whole: what CloudFormation is asked for under every choice of an operator.

Parameters that decide a condition are combined in every way. All others only fill in a value, and
have their defaults.
"""

import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import Any, Final, get_args

import boto3
import pytest

from emulator import Emulator
from every_call import (
    Account,
    Granted,
    calls_of_assets,
    calls_of_authorizer,
    calls_of_embeddings,
    calls_of_embeddings_to_an_endpoint,
)
from imgvec.settings import Settings
from resolved import Stack, as_text, dependencies, references
from translated import Resource, nested, translation, written

NESTED: Final = "AWS::CloudFormation::Stack"
FUNCTION: Final = "AWS::Lambda::Function"
CHOICES: Final = {
    "Endpoint": ("off", "realtime", "zero"),
    "GatewayKeys": ("on", "off"),
    "Edge": ("off", "on"),
    "DomainName": ("", "vectors.example.com"),
    "LlmDomainName": ("", "llm.example.com"),
    "AlarmEmail": ("", "operator@example.com"),
    "ManageApiGatewayLogRole": ("on", "off"),
}
COMBINATIONS: Final = [
    dict(zip(CHOICES, chosen, strict=True)) for chosen in product(*CHOICES.values())
]


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
def after_sam() -> Resource:
    """The template after SAM's translator, which itself decides nothing by these parameters."""
    return translation()


def at_second(patch: pytest.MonkeyPatch, second: int) -> None:
    """Stop the clock by which SAM names a deployment."""
    patch.setattr("samtranslator.model.apigateway.time.time", lambda: second)


def deployment(chosen: Mapping[str, str]) -> Deployment:
    """What these parameters make of the template, and of the nested ones."""
    found = Deployment(Stack.of(after_sam(), chosen), {}, {})
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


@pytest.fixture(
    scope="module",
    params=COMBINATIONS,
    ids=lambda chosen: ",".join(value or "-" for value in chosen.values()),
)
def deployed(request: pytest.FixtureRequest) -> Deployment:
    """Every combination in turn."""
    return deployment(request.param)


def test_every_parameter_that_decides_something_is_combined() -> None:
    def named(value: Any) -> set[str]:
        return {one.name for one in references(value)}

    decisive = set().union(*(named(one) for one in written()["Conditions"].values()))
    assert decisive == set(CHOICES)
    for name, values in CHOICES.items():
        allowed = written()["Parameters"][name].get("AllowedValues", values)
        assert set(allowed) == set(values), name


def test_the_translator_decides_nothing_by_these_parameters() -> None:
    """So one translation stands for all combinations."""
    with pytest.MonkeyPatch.context() as patch:
        at_second(patch, 1)
        first = translation(**{name: values[0] for name, values in CHOICES.items()})
        last = translation(**{name: values[-1] for name, values in CHOICES.items()})
    assert first["Resources"] == last["Resources"]
    assert first["Outputs"] == last["Outputs"]
    untranslated = deployment(COMBINATIONS[-1]).nested.values()
    assert all("Transform" not in stack.template for stack in untranslated)


def test_no_resource_waits_for_itself(deployed: Deployment) -> None:
    for name, stack in deployed.stacks.items():
        graph = {
            one: {reference.name for reference in references(resource)} | dependencies(resource)
            for one, resource in stack.resources.items()
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as cycle:
            pytest.fail(f"{name}: {' -> '.join(reversed(cycle.args[1]))}")


def test_every_reference_is_to_what_is_there(deployed: Deployment) -> None:
    for name, stack in deployed.stacks.items():
        there = stack.resources.keys() | stack.parameters.keys()
        for part, content in (stack.resources | stack.outputs).items():
            for reference in references(content):
                assert reference.name in there, f"{name}.{part} needs {reference}"
            # CloudFormation waits for nothing where the condition of what is named is false.
            assert dependencies(content) <= stack.template["Resources"].keys(), f"{name}.{part}"


def test_every_output_of_a_nested_stack_that_is_used_is_there(deployed: Deployment) -> None:
    for reference in references([deployed.root.resources, deployed.root.outputs]):
        if reference.name in deployed.nested and reference.attribute:
            section, _, output = reference.attribute.partition(".")
            assert section == "Outputs"
            assert output in deployed.nested[reference.name].outputs, reference


def test_nested_stacks_are_passed_what_they_take(deployed: Deployment) -> None:
    for name, stack in deployed.nested.items():
        declared, passed = stack.template["Parameters"], deployed.passed[name]
        assert passed.keys() <= declared.keys(), name
        needed = {parameter for parameter, one in declared.items() if "Default" not in one}
        assert needed <= passed.keys(), name
        for parameter, value in passed.items():
            assert value in declared[parameter].get("AllowedValues", [value]), parameter


def test_no_two_keys_of_usage_plans_are_made_at_once(deployed: Deployment) -> None:
    """CloudFormation would make them side by side, and API Gateway takes one after the other."""
    kinds = [one["Type"] for stack in deployed.stacks.values() for one in stack.resources.values()]
    expected = 1 if deployed.root.parameters["GatewayKeys"] == "on" else 0
    assert kinds.count("AWS::ApiGateway::UsagePlanKey") == expected


@pytest.mark.parametrize(
    ("parameter", "value"), [("CorsOrigin", "https://page.example"), ("GatewayKeys", "off")]
)
def test_a_changed_parameter_of_the_api_reaches_the_stage(
    monkeypatch: pytest.MonkeyPatch, parameter: str, value: str
) -> None:
    """A stage shows a deployment, which is a copy: only a new resource makes another copy."""
    shown = []
    for second, parameters in enumerate(({}, {parameter: value})):
        at_second(monkeypatch, second)
        stack = Stack.of(translation(**parameters), parameters)
        deployed_as = stack.resources["ApiStage"]["Properties"]["DeploymentId"]["Ref"]
        assert stack.resources[deployed_as]["Type"] == "AWS::ApiGateway::Deployment"
        shown.append((stack.resources["Api"]["Properties"], deployed_as))
    (before, old), (after, new) = shown
    assert before != after, "positive control"
    assert old != new


def test_the_log_level_is_the_platforms_too() -> None:
    platforms = {"debug": "DEBUG", "info": "INFO", "warning": "WARN", "error": "ERROR"}
    levels = written()["Parameters"]["LogLevel"]["AllowedValues"]
    assert (
        levels == list(platforms) == list(get_args(Settings.model_fields["log_level"].annotation))
    )
    for level, platform in platforms.items():
        resources = deployment({"LogLevel": level}).root.resources
        functions = [one for one in resources.values() if one["Type"] == FUNCTION]
        assert len(functions) == 3
        for function in (one["Properties"] for one in functions):
            assert function["LoggingConfig"]["ApplicationLogLevel"] == platform
            assert function["Environment"]["Variables"]["IMGVEC_LOG_LEVEL"] == level


def test_an_event_that_a_function_fails_to_take_lies_in_the_queue() -> None:
    """Delivery has a queue of its own, which takes no event whose handler raises."""
    stack = deployment({})
    called = {
        reference.name
        for resource in stack.root.resources.values()
        if resource["Type"] in ("AWS::Events::Rule", "AWS::Scheduler::Schedule")
        for reference in references(resource)
    } & {name for name, one in stack.root.resources.items() if one["Type"] == FUNCTION}
    assert called == {"EmbeddingsFunction", "AssetsFunction"}
    for function in called:
        (letter,) = letters_of(function, stack)
        assert letter.resource == "${DeadLetters.Arn}", function


@pytest.fixture
def account(aws: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Account:
    """A new table and a new bucket on the emulator."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    bucket = f"imgvec-{uuid.uuid4().hex[:12]}"
    with closing(boto3.client("s3")) as client:
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return Account(Emulator(aws["AWS_ENDPOINT_URL"]).new_table(), bucket)


def named(stack: Deployment, value: Any) -> str:
    """A resolved value as one text, with what nested stacks give in its place."""
    text = as_text(value)
    for name, made in stack.nested.items():
        for output, one in made.outputs.items():
            given = one["Value"]
            if isinstance(given, dict):
                # A name that a resource has because it was given it.
                resource, attribute = given["Fn::GetAtt"]
                given = made.resources[resource]["Properties"][attribute]
            text = text.replace(f"${{{name}.Outputs.{output}}}", str(given))
    return text


def environment_of(function: str, stack: Deployment, account: Account) -> dict[str, str]:
    """A function's variables once the stack stands."""
    known = {"${Table}": account.table, "${Bucket}": account.bucket}
    variables = stack.root.resources[function]["Properties"]["Environment"]["Variables"]
    texts = {name: named(stack, value) for name, value in variables.items()}
    return {name: known.get(text, text) for name, text in texts.items()}


def granted(function: str, stack: Deployment) -> set[Granted]:
    """What a function's role may do."""
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


def letters_of(function: str, stack: Deployment) -> set[Granted]:
    """The platform sends what a function has failed to take, by the function's own role."""
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


@pytest.mark.parametrize(
    ("function", "endpoint", "make"),
    [
        ("EmbeddingsFunction", "off", calls_of_embeddings),
        ("EmbeddingsFunction", "zero", calls_of_embeddings_to_an_endpoint),
        ("AssetsFunction", "off", calls_of_assets),
        ("AuthorizerFunction", "off", calls_of_authorizer),
    ],
)
def test_a_function_may_do_what_its_code_does_and_no_more(
    account: Account, function: str, endpoint: str, make: Callable[[Account], set[Granted]]
) -> None:
    stack = deployment({"Endpoint": endpoint})
    account.environment = environment_of(function, stack, account)
    rights, needed = granted(function, stack), make(account) | letters_of(function, stack)
    assert needed, "positive control"

    def covers(right: Granted, need: Granted) -> bool:
        return right.action == need.action and fnmatchcase(need.resource, right.resource)

    missing = {need for need in needed if not any(covers(right, need) for right in rights)}
    assert not missing, f"{function} may not {sorted(missing)}"
    if endpoint == "zero":
        rights -= granted(function, deployment({"Endpoint": "off"}))
    idle = {right for right in rights if not any(covers(right, need) for need in needed)}
    assert not idle, f"{function} needs no {sorted(idle)}"

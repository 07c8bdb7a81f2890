"""The deployment as a whole: what CloudFormation is asked for under every choice of an operator.

Parameters that decide a condition are combined in every way. All others only fill in a value, and
have their defaults.
"""

import uuid
from collections.abc import Callable
from contextlib import closing
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import Any, Final, get_args

import boto3
import pytest

from imgvec.settings import Settings
from tests.support.aws.dynamodb import Emulator
from tests.support.aws.recorded_calls import (
    Account,
    Granted,
    calls_of_assets,
    calls_of_authorizer,
    calls_of_embeddings,
    calls_of_embeddings_to_an_endpoint,
)
from tests.support.aws.resolved_template import Stack, dependencies, references
from tests.support.aws.translated_template import nested, translation, written
from tests.support.aws.whole_deployment import (
    FUNCTION,
    Deployment,
    deployment,
    environment_of,
    granted,
    letters_of,
)

# Of the root's conditions.
CHOICES: Final = {
    "Endpoint": ("off", "realtime", "zero"),
    "GatewayKeys": ("on", "off"),
    "Edge": ("off", "on"),
    "DomainName": ("", "vectors.example.com"),
    "LlmDomainName": ("", "llm.example.com"),
    "AlarmEmail": ("", "operator@example.com"),
    "ManageApiGatewayLogRole": ("on", "off"),
}
# Of the endpoint's, which know nothing of the others.
OF_THE_ENDPOINT: Final = {
    "Endpoint": ("realtime", "zero"),
    "EndpointProvider": ("cuda", "cpu"),
    "EndpointSubnets": ("", "subnet-1,subnet-2"),
}
# Of the bulk jobs', which know nothing of the others either.
OF_THE_JOBS: Final = {"Bulk": ("off", "on"), "BulkSource": ("", "photos")}
COMBINATIONS: Final = [
    dict(zip(choices, chosen, strict=True))
    for choices in (CHOICES, OF_THE_ENDPOINT, OF_THE_JOBS)
    for chosen in product(*choices.values())
]


def at_second(patch: pytest.MonkeyPatch, second: int) -> None:
    """Stop the clock by which SAM names a deployment."""
    patch.setattr("samtranslator.model.apigateway.time.time", lambda: second)


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

    assert named(written()["Conditions"]) == {*CHOICES, "Bulk"}
    passed = written()["Resources"]["EndpointStack"]["Properties"]["Parameters"]
    decisive = [passed[name] for name in named(nested("sagemaker")["Conditions"])]
    # The topic is a resource, and always there.
    assert named(decisive) - {"Alarms"} == set(OF_THE_ENDPOINT)
    given = written()["Resources"]["BulkStack"]["Properties"]["Parameters"]
    assert named([given[name] for name in named(nested("bulk")["Conditions"])]) == {"BulkSource"}
    for folder in ("edge", "monitoring"):
        assert "Conditions" not in nested(folder)
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
    untranslated = deployment({"Endpoint": "zero", "Edge": "on"}).nested.values()
    assert len(untranslated) == 3
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

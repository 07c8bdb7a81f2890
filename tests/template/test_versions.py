"""Versions of the functions: published with each change, called by an alias, kept to go back to."""

import re

import pytest

from tests.support.aws.translated_template import PACKAGED, translation_with
from tests.support.aws.whole_deployment import FUNCTION, aliases, deployment


def test_whatever_calls_a_function_calls_its_live_version() -> None:
    stack = deployment({}).root.resources
    functions = [name for name, one in stack.items() if one["Type"] == FUNCTION]
    assert len(functions) == 3
    api = stack["Api"]["Properties"]["Body"]
    authorizer = api["securityDefinitions"]["consumer"]["x-amazon-apigateway-authorizer"]
    uris = [authorizer["authorizerUri"]] + [
        methods["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]["uri"]
        for methods in api["paths"].values()
    ]
    for uri in uris:
        assert re.search(r"/functions/\$\{(\w+)\.Arn\}:live/invocations$", uri["Fn::Sub"]), uri
    permitted = [
        one["Properties"]["FunctionName"]["Ref"]
        for one in stack.values()
        if one["Type"] == "AWS::Lambda::Permission"
    ]
    # The gateway calls all three, the bus one.
    assert sorted(permitted) == sorted(
        [f"{name}Aliaslive" for name in functions] + ["AssetsFunctionAliaslive"]
    )
    for one in stack.values():
        if one["Type"] == "AWS::Lambda::EventInvokeConfig":
            assert one["Properties"]["Qualifier"] == "live"


def test_versions_stay_to_go_back_to() -> None:
    stack = deployment({}).root.resources
    versions = [one for one in stack.values() if one["Type"] == "AWS::Lambda::Version"]
    assert len(versions) == 3
    assert {one["DeletionPolicy"] for one in versions} == {"Retain"}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"RELEASE": "r1"}, id="a parameter's value, as make deploy writes it"),
        pytest.param({"IMGVEC_LOG_LEVEL": "debug"}, id="the text of the template"),
    ],
)
def test_what_callers_get_changes_with_the_settings(changed: dict[str, str]) -> None:
    def versions(variables: dict[str, str]) -> set[str]:
        resources = translation_with(variables)["Resources"]
        return {name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Version"}

    assert versions({}) == versions({})
    assert versions({}).isdisjoint(versions(changed))


def test_another_layer_is_another_version_of_the_functions_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def versions() -> set[str]:
        resources = translation_with({})["Resources"]
        return {name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Version"}

    before = versions()
    monkeypatch.setitem(PACKAGED, "ContentUri", "s3://bucket/another-layer")
    (same,) = before & versions()
    assert same.startswith("EmbeddingsFunction")


@pytest.mark.parametrize("shift", ["Canary10Percent5Minutes", "Linear10PercentEvery1Minute"])
def test_a_shift_is_codedeploys_and_is_undone_by_alarms(shift: str) -> None:
    """Translated only: no emulator has CodeDeploy, and none of it ran on AWS."""
    stack = deployment({"Shift": shift})
    groups = {
        name: one["Properties"]
        for name, one in stack.root.resources.items()
        if one["Type"] == "AWS::CodeDeploy::DeploymentGroup"
    }
    assert len(groups) == 3
    for alias in aliases(stack):
        policy = stack.root.resources[alias]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = groups[policy["DeploymentGroupName"]["Ref"]]
        assert group["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": shift}
        alarms = [one["Name"]["Fn::GetAtt"] for one in group["AlarmConfiguration"]["Alarms"]]
        outputs = stack.nested["MonitoringStack"].outputs
        assert {output.partition(".")[2] for _, output in alarms} == set(outputs)
    kinds = {one["Type"] for one in deployment({}).root.resources.values()}
    assert not any(kind.startswith("AWS::CodeDeploy") for kind in kinds)


def test_concurrency_is_kept_ready_or_reserved_only_where_it_is_asked_for() -> None:
    for kept, most in (("0", "0"), ("5", "20")):
        stack = deployment({"ProvisionedConcurrency": kept, "ReservedConcurrency": most}).root
        alias = stack.resources["EmbeddingsFunctionAliaslive"]["Properties"]
        function = stack.resources["EmbeddingsFunction"]["Properties"]
        asked = kept != "0"
        assert ("ProvisionedConcurrencyConfig" in alias) is asked
        assert ("ReservedConcurrentExecutions" in function) is asked

"""The endpoint's stack: off means nothing, zero only as SageMaker knows it, least rights."""

from typing import Any

import pytest

from imgvec.encoders.graph import PROVIDERS
from imgvec.settings import Settings
from tests.support.aws.translated_template import Resource, nested, translated, written

MODES = ("realtime", "zero")
TARGET_TRACKING = "TargetTrackingScalingPolicyConfiguration"


def stack() -> Resource:
    """The nested stack as it is written."""
    return nested("sagemaker")


def resources(mode: str) -> dict[str, Resource]:
    """What the stack makes in a mode, outside a VPC."""
    holds = {
        "WithComponent": mode == "zero",
        "Realtime": mode == "realtime",
        "InVpc": False,
    }
    return {
        name: resource
        for name, resource in stack()["Resources"].items()
        if "Condition" not in resource or holds[resource["Condition"]]
    }


def policies(mode: str) -> dict[str, Any]:
    """Configurations of the scaling policies of a mode, by name."""
    return {
        name: resource["Properties"]
        for name, resource in resources(mode).items()
        if resource["Type"] == "AWS::ApplicationAutoScaling::ScalingPolicy"
    }


def test_off_means_no_resource_and_is_the_default() -> None:
    assert written()["Parameters"]["Endpoint"]["Default"] == "off"
    conditional = {
        name
        for name, resource in translated().items()
        if resource.get("Condition") == "WithEndpoint"
    }
    assert conditional == {"EndpointStack", "InvokeEndpoint"}
    of_sagemaker = [r for r in translated().values() if r["Type"].startswith("AWS::SageMaker")]
    assert of_sagemaker == []


def test_the_function_is_led_to_the_endpoint_only_where_there_is_one() -> None:
    function = translated()["EmbeddingsFunction"]["Properties"]
    variables = function["Environment"]["Variables"]
    for name in ("IMGVEC_ENDPOINT", "IMGVEC_ENDPOINT_COMPONENT"):
        condition, _, otherwise = variables[name]["Fn::If"]
        assert (condition, otherwise) == ("WithEndpoint", "")
        assert name.removeprefix("IMGVEC_").lower() in Settings.model_fields
    assert function["MemorySize"]["Fn::If"][0] == "WithEndpoint"


def test_the_function_may_invoke_this_endpoint_and_no_other() -> None:
    properties = translated()["InvokeEndpoint"]["Properties"]
    assert properties["RoleName"] == {"Ref": "EmbeddingsFunctionRole"}
    (statement,) = properties["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sagemaker:InvokeEndpoint"
    named = [one["Fn::Sub"].partition("${AWS::AccountId}:")[2] for one in statement["Resource"]]
    assert named == [
        "endpoint/${EndpointStack.Outputs.EndpointName}",
        "inference-component/${AWS::StackName}-component",
    ]


def test_modes_and_providers_are_those_of_the_stack_and_of_the_code() -> None:
    modes = written()["Parameters"]["Endpoint"]["AllowedValues"]
    assert set(modes) - {"off"} == set(stack()["Parameters"]["Mode"]["AllowedValues"]) == set(MODES)
    providers = written()["Parameters"]["EndpointProvider"]["AllowedValues"]
    assert providers == stack()["Parameters"]["Provider"]["AllowedValues"]
    assert set(providers) == set(PROVIDERS)


@pytest.mark.parametrize("mode", MODES)
def test_what_takes_any_resource_is_what_aws_knows_no_resource_for(mode: str) -> None:
    statements = [
        statement
        for resource in resources(mode).values()
        if resource["Type"].startswith("AWS::IAM")
        for policy in resource["Properties"].get("Policies", [resource["Properties"]])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    anywhere = {one["Sid"] for one in statements if one["Resource"] == "*"}
    assert anywhere == {"SignInToEcr", "WriteMetrics"}
    actions = {str(one["Action"]) for one in statements}
    assert not any("*" in action for action in actions)
    assert not any("s3:" in action for action in actions)


def test_realtime_scales_by_invocations_and_by_concurrency_from_one_instance_up() -> None:
    made = resources("realtime")
    metrics = {
        policy[TARGET_TRACKING]["PredefinedMetricSpecification"]["PredefinedMetricType"]
        for policy in policies("realtime").values()
    }
    assert metrics == {
        "SageMakerVariantInvocationsPerInstance",
        "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    }
    capacity = made["Instances"]["Properties"]
    assert (capacity["MinCapacity"], capacity["MaxCapacity"]) == (
        {"Ref": "MinInstances"},
        {"Ref": "MaxInstances"},
    )
    assert stack()["Parameters"]["ConcurrentRequests"]["Default"] == Settings().batch_size
    assert stack()["Parameters"]["MinInstances"]["MinValue"] == 1
    assert "Component" not in made


def test_zero_is_made_of_components_and_wakes_by_who_was_turned_away() -> None:
    made = resources("zero")
    assert "Instances" not in made
    assert made["Copies"]["Properties"]["MinCapacity"] == 0
    (variant,) = made["Config"]["Properties"]["ProductionVariants"]
    _, scaling, _ = variant["ManagedInstanceScaling"]["Fn::If"]
    assert (scaling["Status"], scaling["MinInstanceCount"]) == ("ENABLED", 0)
    assert variant["ModelName"]["Fn::If"][:2] == ["WithComponent", {"Ref": "AWS::NoValue"}]
    alarm = made["AskedWithoutCopy"]["Properties"]
    assert alarm["MetricName"] == "NoCapacityInvocationFailures"
    assert [one["Name"] for one in alarm["Dimensions"]] == ["InferenceComponentName"]
    assert alarm["AlarmActions"] == [{"Ref": "FromNoCopy"}]
    assert policies("zero")["FromNoCopy"]["PolicyType"] == "StepScaling"


def test_on_a_cpu_no_machine_image_and_no_accelerator_is_asked_for() -> None:
    assert stack()["Conditions"]["OnCpu"] == {"Fn::Equals": [{"Ref": "Provider"}, "cpu"]}
    nothing = {"Ref": "AWS::NoValue"}
    (variant,) = resources("zero")["Config"]["Properties"]["ProductionVariants"]
    assert variant["InferenceAmiVersion"]["Fn::If"][:2] == ["OnCpu", nothing]
    needs = resources("zero")["Component"]["Properties"]["Specification"]
    accelerators = needs["ComputeResourceRequirements"]["NumberOfAcceleratorDevicesRequired"]
    assert accelerators["Fn::If"] == ["OnCpu", nothing, 1]


@pytest.mark.parametrize("mode", MODES)
def test_no_reference_to_what_the_mode_does_not_make(mode: str) -> None:
    """CloudFormation refuses a reference to a resource whose condition is false."""
    made = resources(mode)
    absent = stack()["Resources"].keys() - made.keys()
    for name, resource in made.items():
        target = resource["Properties"].get("ScalingTargetId", {}).get("Ref")
        assert target not in absent, name
        assert resource.get("DependsOn") not in absent, name


def test_the_container_is_isolated_and_gets_only_settings() -> None:
    model = resources("realtime")["Model"]["Properties"]
    assert model["EnableNetworkIsolation"] is True
    names = model["PrimaryContainer"]["Environment"]
    assert {name.removeprefix("IMGVEC_").lower() for name in names} <= Settings.model_fields.keys()


def test_an_update_moves_all_traffic_at_once_and_is_rolled_back_by_faults() -> None:
    condition, deployment, _ = resources("realtime")["Endpoint"]["Properties"]["DeploymentConfig"][
        "Fn::If"
    ]
    assert condition == "Realtime"
    traffic = deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert traffic["Type"] == "ALL_AT_ONCE"
    assert deployment["AutoRollbackConfiguration"]["Alarms"] == [{"AlarmName": {"Ref": "Faults"}}]

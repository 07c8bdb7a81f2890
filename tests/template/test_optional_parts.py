"""Data that is there already, a private network, and parameters that do not go together."""

import re
from typing import Final

import pytest

from tests.support.aws.resolved_template import Stack, dependencies
from tests.support.aws.translated_template import written
from tests.support.aws.whole_deployment import deployment, granted


def test_data_that_is_there_is_taken_and_not_made_anew() -> None:
    stack = deployment({"ExistingTable": "kept-table", "ExistingBucket": "kept-bucket"})
    assert {"Table", "Bucket", "BucketPolicy"}.isdisjoint(stack.root.resources)
    for function in ("EmbeddingsFunction", "AssetsFunction", "AuthorizerFunction"):
        variables = stack.root.resources[function]["Properties"]["Environment"]["Variables"]
        assert variables["IMGVEC_TABLE"] == "kept-table"
        for right in granted(function, stack):
            service = right.action.partition(":")[0]
            expected = {
                "dynamodb": r"arn:aws:dynamodb:us-east-1:123456789012:table/kept-table",
                "s3": r"arn:aws:s3:::kept-bucket(/(assets/)?\*)?",
                "sqs": r"\$\{DeadLetters\.Arn\}",
            }[service]
            assert re.fullmatch(expected, right.resource), right
    rule = stack.root.resources["AssetsFunctionArrived"]["Properties"]["EventPattern"]
    assert rule["detail"]["bucket"] == {"name": ["kept-bucket"]}
    assert stack.root.outputs["TableName"]["Value"] == "kept-table"
    assert stack.root.outputs["BucketName"]["Value"] == "kept-bucket"


@pytest.mark.parametrize(("protection", "protected"), [("on", True), ("off", False)])
def test_protection_of_the_table(protection: str, protected: bool) -> None:
    table = deployment({"Protection": protection}).root.resources["Table"]["Properties"]
    assert table["DeletionProtectionEnabled"] is protected


def test_a_private_api_answers_through_its_endpoint_alone() -> None:
    api = deployment({"VpcEndpoint": "vpce-0a1b"}).root.resources["Api"]["Properties"]
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": ["vpce-0a1b"]}
    (statement,) = api["Body"]["x-amazon-apigateway-policy"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceVpce": "vpce-0a1b"}}
    public = deployment({}).root.resources["Api"]["Properties"]
    assert public["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert "x-amazon-apigateway-policy" not in public["Body"]


def test_functions_stand_in_a_network_only_where_it_is_asked_for() -> None:
    for subnets in ("", "subnet-1,subnet-2"):
        resources = deployment({"Subnets": subnets, "SecurityGroups": "sg-1"}).root.resources
        for name in ("EmbeddingsFunction", "AssetsFunction", "AuthorizerFunction"):
            config = resources[name]["Properties"].get("VpcConfig")
            expected = {"SubnetIds": subnets.split(","), "SecurityGroupIds": ["sg-1"]}
            assert config == (expected if subnets else None)
            managed = str(resources[f"{name}Role"]["Properties"]["ManagedPolicyArns"])
            assert ("AWSLambdaVPCAccessExecutionRole" in managed) is bool(subnets)
        stack = deployment({"Subnets": subnets, "SecurityGroups": "sg-1", "Bulk": "on"})
        jobs = stack.nested["BulkStack"].resources
        for step in ("Plan", "Embed", "Finish"):
            assert ("VpcConfig" in jobs[f"{step}Function"]["Properties"]) is bool(subnets)
            assert ("ManagedPolicyArns" in jobs[f"{step}Role"]["Properties"]) is bool(subnets)


@pytest.mark.parametrize(("fetch", "setting"), [("on", "true"), ("off", "false")])
def test_fetching_is_a_parameter(fetch: str, setting: str) -> None:
    function = deployment({"Fetch": fetch}).root.resources["EmbeddingsFunction"]["Properties"]
    assert function["Environment"]["Variables"]["IMGVEC_FETCH"] == setting
    jobs = deployment({"Fetch": fetch, "Bulk": "on"}).nested["BulkStack"].resources
    variables = jobs["EmbedFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["IMGVEC_FETCH"] == setting


def test_the_gateways_address_may_be_off() -> None:
    chosen = {"GatewayAddress": "off", "DomainName": "vectors.example.com"}
    stack = deployment(chosen).root
    extension = stack.resources["Api"]["Properties"]["Body"]
    settings = extension["x-amazon-apigateway-endpoint-configuration"]
    assert settings["disableExecuteApiEndpoint"] is True
    # The command line tries new names there.
    assert stack.outputs["GatewayUrl"]["Value"] == "https://vectors.example.com"


def test_a_budget_writes_to_the_topic_of_alarms() -> None:
    assert "Budget" not in deployment({}).nested["AlarmsStack"].resources
    resources = deployment({"MonthlyBudget": "50"}).nested["AlarmsStack"].resources
    budget = resources["Budget"]["Properties"]
    assert budget["Budget"]["BudgetLimit"]["Amount"] == "50"
    notices = budget["NotificationsWithSubscribers"]
    assert len(notices) == 2
    for notice in notices:
        assert notice["Subscribers"] == [{"SubscriptionType": "SNS", "Address": {"Ref": "Topic"}}]


def test_an_address_has_a_limit_only_where_one_is_given_and_no_request_is_kept() -> None:
    assert "WafStack" not in deployment({}).nested
    stack = deployment({"RequestsPerAddress": "1000"})
    properties = stack.nested["WafStack"].resources["Rules"]["Properties"]
    (rule,) = properties["Rules"]
    limit = rule["Statement"]["RateBasedStatement"]
    assert (limit["Limit"], limit["AggregateKeyType"]) == ("1000", "IP")
    for visible in (properties, rule):
        assert visible["VisibilityConfig"]["SampledRequestsEnabled"] is False
    # The stage must be there before.
    assert "ApiStage" in dependencies(stack.root.resources["WafStack"])
    assert stack.passed["WafStack"]["Stage"]["Fn::Sub"].endswith("/restapis/${Api}/stages/v1")


REJECTED: Final = [
    {"DomainName": "vectors.example.com"},
    {"LlmDomainName": "llm.example.com"},
    {"GatewayAddress": "off"},
    {
        "GatewayAddress": "off",
        "DomainName": "a.example.com",
        "CertificateArn": "arn",
        "Edge": "on",
    },
    {"Endpoint": "zero"},
    {"Bulk": "on"},
    {"VpcEndpoint": "vpce-0a1b", "Edge": "on"},
    {"VpcEndpoint": "vpce-0a1b", "DomainName": "a.example.com", "CertificateArn": "arn"},
    {"Subnets": "subnet-1"},
]
TAKEN: Final = [
    {},
    {"DomainName": "a.example.com", "CertificateArn": "arn", "GatewayAddress": "off"},
    {"Endpoint": "zero", "EndpointImage": "image"},
    {"Bulk": "on", "BulkImage": "image"},
    {"VpcEndpoint": "vpce-0a1b", "Subnets": "subnet-1", "SecurityGroups": "sg-1"},
]


def broken_rules(chosen: dict[str, str]) -> list[str]:
    """The rules of the template that these parameters break."""
    stack = Stack.of(written(), chosen)
    return [
        name
        for name, rule in written()["Rules"].items()
        if stack.holds(rule["RuleCondition"])
        and not all(stack.holds(one["Assert"]) for one in rule["Assertions"])
    ]


@pytest.mark.parametrize("chosen", REJECTED, ids=str)
def test_parameters_that_do_not_go_together_are_rejected_before(chosen: dict[str, str]) -> None:
    assert len(broken_rules(chosen)) == 1


@pytest.mark.parametrize("chosen", TAKEN, ids=str)
def test_parameters_that_go_together_are_taken(chosen: dict[str, str]) -> None:
    assert broken_rules(chosen) == []


def test_a_name_for_llm_clients_begins_with_it() -> None:
    pattern = written()["Parameters"]["LlmDomainName"]["AllowedPattern"]
    assert [
        bool(re.fullmatch(pattern, name)) for name in ("", "llm.a.example", "api.a.example")
    ] == [
        True,
        True,
        False,
    ]

"""What only a static check can hold: no emulator has the gateway's key source, plans or answers."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from imgvec.aws.gateway_keys.names import SHARED
from imgvec.aws.gateway_keys.usage_plans import TIERS
from imgvec.dialects import head_of
from imgvec.settings import Settings
from tests.hostile.test_decode_memory import BYTES_A_PIXEL
from tests.support.aws.translated_template import Resource, nested, of_type, translated, written
from tests.support.aws.whole_deployment import deployment
from tests.support.contract.checks import COREVIZ_REASONS
from tests.support.server.places import ROOT

PROCESS_MEGABYTES = 300
"""Of a function with CLIP, a request of 6 MB and an image of 20 MB."""

TEMPLATES = [ROOT / "template.yaml", *sorted(ROOT.glob("infra/*/template.yaml"))]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lint(path: Path) -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([lint, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role, with the role's name."""
    for name, role in of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def listed(value: object) -> list[object]:
    """A value that may stand alone."""
    return value if isinstance(value, list) else [value]


def test_no_role_may_do_anything_anywhere() -> None:
    found = list(statements())
    assert len(found) >= 8, "positive control"
    for name, statement in found:
        assert "*" not in listed(statement["Resource"]), name
        for action in listed(statement["Action"]):
            assert "*" not in str(action), name


def test_the_authorizer_only_reads_the_table() -> None:
    actions = {
        action
        for name, statement in statements()
        if name == "AuthorizerFunctionRole"
        for action in listed(statement["Action"])
    }
    assert actions == {"dynamodb:GetItem"}


def test_no_managed_policy_but_logs() -> None:
    for role in of_type("AWS::IAM::Role").values():
        for managed in role.get("ManagedPolicyArns", []):
            assert re.search(
                r"AWSLambdaBasicExecutionRole|AmazonAPIGatewayPushToCloudWatchLogs", str(managed)
            )


def api() -> Resource:
    """The REST API."""
    (found,) = of_type("AWS::ApiGateway::RestApi").values()
    return found


def test_key_source_and_binary_types_and_compression() -> None:
    properties = api()
    assert properties["ApiKeySourceType"] == {"Fn::If": ["WithGatewayKeys", "AUTHORIZER", "HEADER"]}
    assert properties["MinimumCompressionSize"] == 1024
    assert properties["Body"]["x-amazon-apigateway-binary-media-types"] == [
        "multipart/form-data",
        "application/octet-stream",
        "image/*",
    ]


def test_every_resource_takes_every_method_under_authorizer_and_key() -> None:
    body = api()["Body"]
    for path, methods in body["paths"].items():
        assert set(methods) == {"x-amazon-apigateway-any-method", "options"}, path
        security = methods["x-amazon-apigateway-any-method"]["security"]["Fn::If"]
        assert security == [
            "WithGatewayKeys",
            [{"consumer": [], "api_key": []}],
            [{"consumer": []}],
        ]
        # Preflight carries no key, so none may be asked for.
        assert "security" not in methods["options"]
        assert methods["options"]["x-amazon-apigateway-integration"]["type"] == "mock"


def test_every_level_of_the_tree_has_an_answer_for_anything() -> None:
    """A request goes to the nearest resource and never back, and what is missing is a 403."""
    paths = set(api()["Body"]["paths"])
    for path in paths:
        steps = path.strip("/").split("/")
        for depth in range(1, len(steps)):
            level = "/" + "/".join(steps[:depth])
            assert level in paths
            children = {p for p in paths if re.fullmatch(re.escape(level) + r"/\{[^/]+\}", p)}
            assert children, f"below {level} an unknown path is the gateway's 403"
    assert {"/", "/{proxy+}"} <= paths


def test_the_authorizer_reads_the_key_places_that_each_described_path_has() -> None:
    """By the path alone, which the gateway's event has as the description has it."""
    described = json.loads((ROOT / "openapi.json").read_text())
    schemes = described["components"]["securitySchemes"]
    read = set()
    for path, operations in described["paths"].items():
        head = head_of(path)
        wanted = {
            (place.get("in", "header"), place.get("name", "authorization").lower())
            for operation in operations.values()
            for name in chain.from_iterable(operation.get("security", []))
            for place in [schemes[name]]
        }
        if head is None:
            assert not wanted, path
            continue
        places = {("header", name) for name in head.headers}
        places |= {("query", name) for name in head.query}
        assert wanted in (places, set()), path
        read |= wanted
    assert len(read) == 5, "positive control"


def test_the_authorizer_is_asked_each_time_and_needs_nothing() -> None:
    authorizer = api()["Body"]["securityDefinitions"]["consumer"]["x-amazon-apigateway-authorizer"]
    assert authorizer["type"] == "request"
    assert authorizer["authorizerResultTtlInSeconds"] == 0
    assert "identitySource" not in authorizer


def test_the_gateways_own_answers_can_be_read_by_every_client() -> None:
    """They stand in the API itself: as resources beside it they would miss its deployment."""
    answers = api()["Body"]["x-amazon-apigateway-gateway-responses"]
    assert not of_type("AWS::ApiGateway::GatewayResponse")
    kinds = set(answers)
    assert kinds >= {"THROTTLED", "INVALID_API_KEY", "MISSING_AUTHENTICATION_TOKEN", "DEFAULT_5XX"}
    assert "REQUEST_TOO_LARGE" not in kinds
    # It denies nobody, so its failure passes.
    assert int(answers["AUTHORIZER_FAILURE"]["statusCode"]) == 503
    for answer in answers.values():
        body = json.loads(answer["responseTemplates"]["application/json"])
        status = int(answer["statusCode"])
        assert body["status"] == body["code"] == status
        assert body["error"] == COREVIZ_REASONS.get(status, "Gateway Timeout")
        assert body["msg"] == body["message"] == body["detail"]
        assert (body["data"], body["success"], body["failed"]) == (None, False, True)
        assert answer["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"
        assert "gatewayresponse.header.Access-Control-Allow-Origin" in answer["responseParameters"]


def test_usage_plans_wait_for_the_stage_and_each_other_and_hold_no_quota() -> None:
    """API Gateway throttles calls for plans, and CloudFormation makes what can be side by side."""
    plans = {
        name: resource
        for name, resource in translated().items()
        if resource["Type"] == "AWS::ApiGateway::UsagePlan"
    }
    assert len(plans) == 4
    assert "ApiStage" in translated(), "what they wait for"
    assert {plan["DependsOn"] for plan in plans.values()} == {"ApiStage", *plans} - {"SharedPlan"}
    for plan in plans.values():
        assert plan["Properties"]["ApiStages"][0]["Stage"] == {"Ref": "ApiStage"}
        assert "Quota" not in plan["Properties"]


def test_the_shared_name_is_the_authorizers_and_has_the_rate_of_the_stage() -> None:
    (key,) = of_type("AWS::ApiGateway::ApiKey").values()
    function = of_type("AWS::Lambda::Function")["AuthorizerFunction"]
    prefix = function["Environment"]["Variables"]["GATEWAY_KEY_PREFIX"]["Fn::Sub"]
    assert key["Value"]["Fn::Sub"] == f"{prefix}-{SHARED}"
    # API Gateway takes 20 to 128 characters, of whatever stack.
    assert len(key["Value"]["Fn::Sub"].replace("${AWS::StackName}", "x")) >= 20
    (attached,) = of_type("AWS::ApiGateway::UsagePlanKey").values()
    assert (attached["KeyId"]["Ref"], attached["UsagePlanId"]["Ref"]) == (
        "SharedName",
        "SharedPlan",
    )
    (stage,) = of_type("AWS::ApiGateway::Stage").values()
    (setting,) = stage["MethodSettings"]
    throttle = translated()["SharedPlan"]["Properties"]["Throttle"]
    assert throttle["RateLimit"] == setting["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    assert throttle["BurstLimit"] == setting["ThrottlingBurstLimit"] == {"Ref": "ThrottleBurst"}


def test_each_tier_is_an_output_for_the_command_line() -> None:
    outputs = written()["Outputs"]
    tiers = of_type("AWS::ApiGateway::UsagePlan").keys() - {"SharedPlan"}
    assert {outputs[tier]["Value"]["Ref"] for tier in TIERS} == tiers
    # A domain of one's own may not be in the DNS yet when the first key is made.
    assert outputs["GatewayUrl"]["Value"]["Fn::Sub"].startswith("https://${Api}.execute-api.")


def test_destroying_a_stack_deletes_the_names_that_it_does_not_own() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "destroy", "ENV=x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(
        r"keys detach --stack imgvec-x && \S*sam delete --stack-name imgvec-x", done.stdout
    )


def test_stage_throttles_and_logs_no_data() -> None:
    (stage,) = of_type("AWS::ApiGateway::Stage").values()
    (setting,) = stage["MethodSettings"]
    assert setting["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    assert setting["LoggingLevel"] == "OFF"
    assert setting["DataTraceEnabled"] is False
    shown = stage["AccessLogSetting"]["Format"]
    assert set(json.loads(shown)) == {"id", "m", "r", "s", "ms", "e"}
    for secret in ("query", "header", "$context.path", "sourceIp", "apiKey", "authorizer"):
        assert secret.lower() not in shown.lower()


def test_data_outlives_the_stack() -> None:
    for name in ("Table", "Bucket"):
        assert translated()[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert translated()[name]["UpdateReplacePolicy"] == "Retain"
    table = translated()["Table"]["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"]["Enabled"] is True


def test_the_bucket_is_private_encrypted_versioned_and_takes_tls_only() -> None:
    bucket = translated()["Bucket"]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in bucket
    (policy,) = of_type("AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_logs_end_and_every_function_has_its_group() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    assert {group["RetentionInDays"]["Ref"] for group in groups.values()} == {"LogDays"}
    for name, function in of_type("AWS::Lambda::Function").items():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups, name
        assert function["LoggingConfig"]["SystemLogLevel"] == "WARN"


def test_functions_are_bounded_and_none_has_reserved_concurrency_or_tracing() -> None:
    functions = of_type("AWS::Lambda::Function")
    assert set(functions) == {"EmbeddingsFunction", "AssetsFunction", "AuthorizerFunction"}
    for name, function in functions.items():
        assert "ReservedConcurrentExecutions" not in function, name
        assert "TracingConfig" not in function, name
    assert written()["Parameters"]["Timeout"]["MaxValue"] < 29
    assert functions["AuthorizerFunction"]["MemorySize"] == 1024


def test_no_function_has_a_route_into_a_network() -> None:
    """What strangers' URLs could be led into is not there."""
    functions = of_type("AWS::Lambda::Function")
    assert len(functions) >= 3, "positive control"
    for name, function in functions.items():
        assert "VpcConfig" not in function, name


def test_what_is_asynchronous_has_a_dead_letter_queue() -> None:
    (schedule,) = of_type("AWS::Scheduler::Schedule").values()
    assert "DeadLetterConfig" in schedule["Target"]
    (rule,) = of_type("AWS::Events::Rule").values()
    assert all("DeadLetterConfig" in target for target in rule["Targets"])
    assert rule["EventPattern"]["detail"]["object"]["key"] == [{"prefix": "incoming/"}]


def test_the_weekly_call_is_an_event_of_the_gateway() -> None:
    (schedule,) = of_type("AWS::Scheduler::Schedule").values()
    event = json.loads(schedule["Target"]["Input"])
    assert (event["httpMethod"], event["path"]) == ("GET", "/ready")


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("starter", True),
        ("clip-vit-l14,clip-vit-b32", True),
        ("siglip2-so400m-384", True),
        ("", False),
        ("a,", False),
        ("a, b", False),
        ("../a", False),
        ("a b", False),
        ("A", False),
    ],
)
def test_any_encoder_may_be_named(value: str, allowed: bool) -> None:
    pattern = written()["Parameters"]["Encoder"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) == allowed


def test_the_operator_sets_how_many_images_a_list_and_a_chunk_have() -> None:
    chosen = {"Encoder": "siglip2-b16", "Bulk": "on", "MaxImages": "16", "BulkRows": "400"}
    stack = deployment(chosen)
    function = stack.root.resources["EmbeddingsFunction"]["Properties"]
    variables = function["Environment"]["Variables"]
    assert (variables["IMGVEC_ENCODERS"], variables["IMGVEC_MAX_IMAGES"]) == ("siglip2-b16", "16")
    assert stack.passed["BulkStack"]["Rows"] == "400"
    defaults = deployment({}).root.resources["EmbeddingsFunction"]["Properties"]
    found = defaults["Environment"]["Variables"]["IMGVEC_MAX_IMAGES"]
    assert int(found) == Settings().max_images


def test_threads_follow_memory() -> None:
    sizes = written()["Parameters"]["MemorySize"]["AllowedValues"]
    by_memory = written()["Mappings"]["Memory"]
    assert [by_memory[str(size)]["Threads"] for size in sizes] == [
        max(1, size // 1769) for size in sizes
    ]


@pytest.mark.parametrize("parameter", ["MemorySize", "LightMemorySize"])
def test_the_limit_of_pixels_follows_memory(parameter: str) -> None:
    """One decode at a time; `test_decode_memory.py` holds the bytes a pixel."""
    for size in written()["Parameters"][parameter]["AllowedValues"]:
        pixels = written()["Mappings"]["Memory"][str(size)]["Pixels"]
        assert BYTES_A_PIXEL * pixels <= (size - PROCESS_MEGABYTES) * 2**20
        assert pixels == Settings().max_pixels or size < 1024


def test_parameters_and_outputs_say_what_they_are() -> None:
    for kind in ("Parameters", "Outputs"):
        assert all(entry["Description"] for entry in written()[kind].values())


@pytest.mark.parametrize("alarm", ["ServerErrors", "Slow", "Throttled", "LetterArrived"])
def test_alarms(alarm: str) -> None:
    resource = nested("monitoring")["Resources"][alarm]
    assert resource["Type"] == "AWS::CloudWatch::Alarm"
    assert resource["Properties"]["AlarmActions"] == [{"Ref": "Alarms"}]


def test_dashboard_is_json_and_has_no_dimension_of_a_consumer() -> None:
    body = nested("monitoring")["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    titles = {widget["properties"]["title"] for widget in json.loads(body)["widgets"]}
    assert len(titles) == 6
    assert "consumer" not in body.lower()

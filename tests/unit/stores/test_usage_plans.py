"""A stack's outputs and its gateway's keys, on the emulator."""

import uuid
from collections.abc import Iterator

import boto3
import pytest

from imgvec.aws.gateway_keys.names import own_name
from imgvec.aws.gateway_keys.usage_plans import TIMES, Probe, UsagePlans, find_stack, gateway_prefix
from imgvec.errors import StackError
from tests.support.aws.rejecting_listener import refusing
from tests.support.aws.small_stack import SmallStack, small_stack
from tests.support.aws.translated_template import written

REFUSAL = '{{"__type":"{code}","message":"secret words"}}'


@pytest.fixture(scope="module")
def stack(aws: dict[str, str]) -> Iterator[SmallStack]:
    """A stack of this module's own."""
    with small_stack(f"imgvec-{uuid.uuid4().hex[:8]}") as deployed:
        yield deployed


@pytest.fixture
def keys(stack: SmallStack) -> Iterator[UsagePlans]:
    """Its gateway, which has no keys afterwards."""
    plans = UsagePlans(find_stack(stack.name))
    yield plans
    for key in plans.list_keys():
        plans.delete(key)


def test_tiers_are_the_templates_slowest_first(keys: UsagePlans) -> None:
    throttles = [
        written()["Resources"][plan]["Properties"]["Throttle"]
        for plan in ("SlowPlan", "MiddlePlan", "FastPlan")
    ]
    assert [(tier.rate, tier.burst) for tier in keys.tiers()] == [
        (throttle["RateLimit"], throttle["BurstLimit"]) for throttle in throttles
    ]


def test_a_consumer_has_one_key_with_the_authorizers_name(
    keys: UsagePlans, stack: SmallStack
) -> None:
    key = keys.ensure("my.team")
    assert keys.ensure("my.team") == key
    assert keys.ensure("my.team-2") != key
    assert len(keys.list_keys()) == 2
    made = stack.gateway.get_api_key(apiKey=key, includeValue=True)
    assert made["value"] == f"imgvec-gateway-{stack.name}-{own_name('my.team')}"
    assert made["enabled"] is True


def test_the_template_gives_the_authorizer_the_same_beginning() -> None:
    variables = written()["Resources"]["AuthorizerFunction"]["Properties"]["Environment"]
    prefix = variables["Variables"]["GATEWAY_KEY_PREFIX"]["Fn::Sub"]
    assert prefix.replace("${AWS::StackName}", "imgvec-dev") == gateway_prefix("imgvec-dev")


def test_a_key_is_in_one_plan_at_a_time(keys: UsagePlans, stack: SmallStack) -> None:
    key = keys.ensure("a")
    for tier in (*keys.tiers(), *keys.tiers()):
        for _ in range(2):
            keys.attach("a", key, tier.usage_plan)
        assert len(stack.attached()) == 1


def test_keys_of_another_stack_are_left_alone(keys: UsagePlans, stack: SmallStack) -> None:
    with small_stack(f"{stack.name}-next") as other:
        theirs = UsagePlans(find_stack(other.name))
        key = theirs.ensure("a")
        keys.ensure("a")
        for own in keys.list_keys():
            keys.delete(own)
        assert theirs.list_keys() == [key]
        theirs.delete(key)


def test_more_keys_than_a_page(keys: UsagePlans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgvec.aws.gateway_keys.usage_plans.PAGE", 2)
    made = {keys.ensure(f"c{number}") for number in range(5)}
    assert sorted(keys.list_keys()) == sorted(made)


def test_a_stack_that_is_not_there_or_not_ours(aws: dict[str, str]) -> None:
    with pytest.raises(StackError, match="no such stack in this region"):
        find_stack("imgvec-nowhere")
    body = '{"Resources": {"Topic": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}'
    boto3.client("cloudformation").create_stack(StackName="someones", TemplateBody=body)
    with pytest.raises(StackError, match="someones has no output 'TableName'"):
        find_stack("someones")


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (429, "TooManyRequestsException", "5 new keys a second"),
        (429, "LimitExceededException", "10,000"),
        (403, "AccessDeniedException", "rejects the call: AccessDeniedException"),
    ],
)
def test_a_refusal_is_a_sentence_and_a_throttle_is_waited_for(
    stack: SmallStack, monkeypatch: pytest.MonkeyPatch, status: int, code: str, sentence: str
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    deployed = find_stack(stack.name)
    with refusing(status, code, REFUSAL) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_API_GATEWAY", address)
        with pytest.raises(StackError, match=sentence) as refused:
            UsagePlans(deployed).ensure("a")
    assert "secret words" not in str(refused.value)
    assert len(waits) == (7 if status == 429 else 0)


def test_without_a_region_or_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    # The one that boto3 does not read, though functions have it too.
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(StackError, match="AWS_DEFAULT_REGION is set"):
        find_stack("imgvec-dev")


def test_a_probe_passes_only_where_the_gateway_lets_it(stack: SmallStack) -> None:
    assert Probe(find_stack(stack.name).url)("nobody-pending") is True
    assert len(stack.names) == TIMES
    assert Probe("http://127.0.0.1:9")("a") is False
    with refusing(403, "Forbidden") as address:
        assert Probe(address)("a") is False

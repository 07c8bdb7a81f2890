"""The gateway of a stack, as the command line works on it: outputs, keys, usage plans, a probe."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from imgvec.aws.gateway_keys.identifiers import Tier
from imgvec.aws.gateway_keys.names import PROBE, own_name
from imgvec.errors import StackError

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_apigateway.type_defs import ApiKeyTypeDef

_FIXES: Final = {
    "LimitExceededException": "this region has all the API keys that it may have (10,000)",
    "TooManyRequestsException": "it is asked too often now (5 new keys a second): try again later",
    "ValidationError": "there is no such stack in this region and account",
}


def patient() -> "Config":
    """Client configuration with retries: the control plane allows a few calls a second."""
    from botocore.config import Config

    return Config(
        connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 8}
    )


@contextmanager
def reported(service: str) -> Iterator[None]:
    """Turn an AWS error into one sentence.

    Raises:
        StackError: AWS rejects a call or cannot be reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as problem:
        code = problem.response["Error"]["Code"]
        raise StackError(f"{service} rejects the call: {_FIXES.get(code, code)}.") from problem
    except BotoCoreError as problem:
        raise StackError(
            f"{service} cannot be asked ({type(problem).__name__}): see that "
            "AWS_DEFAULT_REGION is set and that `aws sts get-caller-identity` answers."
        ) from problem


TIERS: Final = ("SlowPlanId", "MiddlePlanId", "FastPlanId")
"""Outputs of `template.yaml`, absent where it was deployed with `GatewayKeys=off`."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack."""

    name: str
    table: str
    url: str
    """URL at the gateway's own host name, not at a custom domain."""
    usage_plans: tuple[str, ...]
    """Ids of the usage plans; empty with `GatewayKeys=off`."""
    bucket: str | None = None
    """Bytes of assets; None where the stack has no bucket among its outputs."""
    bulk: str | None = None
    """State machine of bulk jobs; None where the stack was deployed without."""


def find_stack(name: str) -> Stack:
    """Look a stack up, in the region and account of the environment.

    Raises:
        StackError: it does not exist, is not a stack of imgvec, or AWS cannot be reached.
    """
    import boto3

    with reported("CloudFormation"):
        client = boto3.client("cloudformation", config=patient())
        found = client.describe_stacks(StackName=name)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
    try:
        table, url = outputs["TableName"], outputs["GatewayUrl"]
    except KeyError as missing:
        raise StackError(
            f"The stack {name} has no output {missing}: deploy it with this version of imgvec."
        ) from None
    tiers = tuple(outputs[tier] for tier in TIERS if tier in outputs)
    return Stack(name, table, url, tiers, outputs.get("BucketName"), outputs.get("BulkMachine"))


TIMES: Final = 3
"""Successes in a row that count: a new key reaches the gateway's machines one by one."""
TIMEOUTS: Final = {"connect": 5.0, "read": 15.0, "write": 5.0, "pool": 5.0}


class Probe:
    """Sends requests to the deployed API: no other call shows that a new key is active."""

    def __init__(self, url: str) -> None:
        """`url` is the gateway's own URL."""
        self._url = f"{url}/health"

    def __call__(self, consumer: str) -> bool:
        """Whether requests under this consumer's name are accepted."""
        return all(self._passes(consumer) for _ in range(TIMES))

    def _passes(self, consumer: str) -> bool:
        # Imported here because it is slow, and few commands need it.
        import httpcore2

        try:
            answer = httpcore2.request(
                "GET", self._url, headers={PROBE: consumer}, extensions={"timeout": TIMEOUTS}
            )
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException):
            return False
        return answer.status == 200


PAGE: Final = 500
"""Keys of a page, the most that API Gateway returns."""


class UsagePlans:
    """`GatewayKeys` of one stack; a key is named by the stack's prefix and the consumer."""

    @reported("API Gateway")
    def __init__(self, stack: Stack) -> None:
        """Create the client without a call."""
        import boto3

        self._client = boto3.client("apigateway", config=patient())
        self._plans = stack.usage_plans
        self._prefix = gateway_prefix(stack.name)

    @reported("API Gateway")
    def tiers(self) -> Sequence[Tier]:
        """Usage plans for consumers, slowest first."""
        return sorted(map(self._tier, self._plans), key=lambda tier: tier.rate)

    @reported("API Gateway")
    def find(self, consumer: str) -> str | None:
        """Id of the consumer's key; None if absent."""
        name = self._name(consumer)
        return next((key["id"] for key in self._keys(name) if key["name"] == name), None)

    @reported("API Gateway")
    def ensure(self, consumer: str) -> str:
        """Id of the consumer's key, created if absent."""
        there = self.find(consumer)
        if there is not None:
            return there
        name = self._name(consumer)
        value = f"{self._prefix}-{own_name(consumer)}"
        return self._client.create_api_key(name=name, value=value, enabled=True)["id"]

    @reported("API Gateway")
    def attach(self, consumer: str, gateway_key: str, usage_plan: str) -> None:
        """Attach a key to this usage plan only."""
        # The gateway rejects a key in two plans of a stage, so detach it from the others first.
        for plan in sorted(self._plans, key=lambda plan: plan == usage_plan):
            attached = self._is_attached(consumer, gateway_key, plan)
            if attached and plan != usage_plan:
                self._client.delete_usage_plan_key(usagePlanId=plan, keyId=gateway_key)
            elif plan == usage_plan and not attached:
                self._client.create_usage_plan_key(
                    usagePlanId=plan, keyId=gateway_key, keyType="API_KEY"
                )

    @reported("API Gateway")
    def list_keys(self) -> Sequence[str]:
        """Ids of the keys of all consumers."""
        return [key["id"] for key in self._keys(self._name(""))]

    @reported("API Gateway")
    def delete(self, gateway_key: str) -> None:
        """Delete a key, which also detaches it."""
        self._client.delete_api_key(apiKey=gateway_key)

    def _name(self, consumer: str) -> str:
        # Stack names have no dot, so the prefix of one stack never matches the keys of another.
        return f"{self._prefix}.{consumer}"

    def _tier(self, plan: str) -> Tier:
        throttle = self._client.get_usage_plan(usagePlanId=plan)["throttle"]
        return Tier(plan, throttle["rateLimit"], throttle["burstLimit"])

    def _is_attached(self, consumer: str, gateway_key: str, plan: str) -> bool:
        pages = self._client.get_paginator("get_usage_plan_keys").paginate(
            usagePlanId=plan, nameQuery=self._name(consumer)
        )
        return any(key["id"] == gateway_key for page in pages for key in page.get("items", ()))

    def _keys(self, beginning: str) -> "Iterator[ApiKeyTypeDef]":
        """Keys whose names have this prefix."""
        pages = self._client.get_paginator("get_api_keys").paginate(
            nameQuery=beginning, PaginationConfig={"PageSize": PAGE}
        )
        return (key for page in pages for key in page.get("items", ()))


def gateway_prefix(stack: str) -> str:
    """Prefix of the names of a stack's gateway keys, the same as in `template.yaml`."""
    return f"imgvec-gateway-{stack}"

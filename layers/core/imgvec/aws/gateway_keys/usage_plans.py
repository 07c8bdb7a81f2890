"""A stack's usage plans and gateway keys, by the API of API Gateway."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol, TypedDict

from imgvec.accounts.gateway_names import Tier
from imgvec.aws.gateway_keys.calls import patient, reported
from imgvec.aws.gateway_keys.names import own_name
from imgvec.aws.gateway_keys.outputs import Stack

PAGE: Final = 500
"""Keys of a page, the most that API Gateway returns."""


class _Throttle(TypedDict):
    rateLimit: float
    burstLimit: int


class _Plan(TypedDict):
    throttle: _Throttle


class _Key(TypedDict):
    id: str
    name: str


class _Page(TypedDict, total=False):
    items: list[_Key]
    position: str


class _Client(Protocol):
    def get_usage_plan(self, *, usagePlanId: str) -> _Plan: ...
    def get_usage_plan_keys(self, *, usagePlanId: str, nameQuery: str) -> _Page: ...
    def create_usage_plan_key(self, *, usagePlanId: str, keyId: str, keyType: str) -> object: ...
    def delete_usage_plan_key(self, *, usagePlanId: str, keyId: str) -> object: ...
    def create_api_key(self, *, name: str, value: str, enabled: bool) -> _Key: ...
    def delete_api_key(self, *, apiKey: str) -> object: ...
    def get_api_keys(self, **arguments: str | int) -> _Page: ...


class UsagePlans:
    """`GatewayKeys` of one stack; a key is named by the stack's prefix and the consumer."""

    def __init__(self, stack: Stack) -> None:
        """Create the client without a call."""
        import boto3

        with reported("API Gateway"):
            self._client: _Client = boto3.client("apigateway", config=patient())
        self._plans = stack.usage_plans
        self._prefix = gateway_prefix(stack.name)

    def tiers(self) -> Sequence[Tier]:
        """Usage plans for consumers, slowest first."""
        return sorted(map(self._tier, self._plans), key=lambda tier: tier.rate)

    def ensure(self, consumer: str) -> str:
        """Id of the consumer's key, created if absent."""
        name = self._name(consumer)
        there = next((key["id"] for key in self._keys(name) if key["name"] == name), None)
        if there is not None:
            return there
        with reported("API Gateway"):
            value = f"{self._prefix}-{own_name(consumer)}"
            return self._client.create_api_key(name=name, value=value, enabled=True)["id"]

    def attach(self, consumer: str, gateway_key: str, usage_plan: str) -> None:
        """Attach a key to this usage plan only."""
        # The gateway rejects a key in two plans of a stage, so detach it from the others first.
        for plan in sorted(self._plans, key=lambda plan: plan == usage_plan):
            attached = self._is_attached(consumer, gateway_key, plan)
            with reported("API Gateway"):
                if attached and plan != usage_plan:
                    self._client.delete_usage_plan_key(usagePlanId=plan, keyId=gateway_key)
                elif plan == usage_plan and not attached:
                    self._client.create_usage_plan_key(
                        usagePlanId=plan, keyId=gateway_key, keyType="API_KEY"
                    )

    def list_keys(self) -> Sequence[str]:
        """Ids of the keys of all consumers."""
        return [key["id"] for key in self._keys(self._name(""))]

    def delete(self, gateway_key: str) -> None:
        """Delete a key, which also detaches it."""
        with reported("API Gateway"):
            self._client.delete_api_key(apiKey=gateway_key)

    def _name(self, consumer: str) -> str:
        # Stack names have no dot, so the prefix of one stack never matches the keys of another.
        return f"{self._prefix}.{consumer}"

    def _tier(self, plan: str) -> Tier:
        with reported("API Gateway"):
            throttle = self._client.get_usage_plan(usagePlanId=plan)["throttle"]
        return Tier(plan, throttle["rateLimit"], throttle["burstLimit"])

    def _is_attached(self, consumer: str, gateway_key: str, plan: str) -> bool:
        with reported("API Gateway"):
            page = self._client.get_usage_plan_keys(
                usagePlanId=plan, nameQuery=self._name(consumer)
            )
        return gateway_key in {key["id"] for key in page.get("items", ())}

    def _keys(self, beginning: str) -> Iterator[_Key]:
        """Keys whose names have this prefix."""
        arguments: dict[str, str | int] = {"nameQuery": beginning, "limit": PAGE}
        while True:
            with reported("API Gateway"):
                page = self._client.get_api_keys(**arguments)
            yield from page.get("items", ())
            if "position" not in page:
                return
            arguments["position"] = page["position"]


def gateway_prefix(stack: str) -> str:
    """Prefix of the names of a stack's gateway keys, the same as in `template.yaml`."""
    return f"imgvec-gateway-{stack}"

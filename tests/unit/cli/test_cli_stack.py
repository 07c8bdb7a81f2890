"""`--stack`: keys and plans of a deployed stack, and consumers' names at its gateway."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from imgvec.accounts.registry import Registry
from imgvec.assets.service import Assets
from imgvec.aws.gateway_keys.identifiers import Identifiers, states
from imgvec.aws.gateway_keys.names import SHARED, Consumers, Shown, own_name, throttled_as
from imgvec.aws.gateway_keys.usage_plans import Probe, UsagePlans, find_stack
from imgvec.cli.deletion import Deletion
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.s3 import S3Blobs
from imgvec.stores.sqlite import FILE_NAME
from tests.support.aws.small_stack import SmallStack, small_stack
from tests.support.server.places import imgvec
from tests.unit.cli.said import Environment, assert_sentence


@pytest.fixture(scope="module")
def stack(aws: dict[str, str]) -> Iterator[SmallStack]:
    """A stack of this module's own."""
    with small_stack(f"imgvec-{uuid.uuid4().hex[:8]}") as deployed:
        yield deployed


@pytest.fixture
def desk(environment: Environment, aws: dict[str, str], tmp_path: Path) -> Iterator[Environment]:
    """A desk that reaches the emulator; its own store stays empty."""
    yield {**environment, **aws, "AWS_ENDPOINT_URL_DYNAMODB": aws["AWS_ENDPOINT_URL"]}
    assert not (tmp_path / "data" / FILE_NAME).exists()


def name_given_to(key: str, stack: SmallStack) -> str:
    """What the authorizer says of a request with this key."""
    with closing(DynamoStore(find_stack(stack.name).table)) as store:
        return throttled_as(Shown("/api/ai/embed", {"x-api-key": key}, {}), Consumers(store, store))


def test_a_consumers_way_through_a_stack(desk: Environment, stack: SmallStack) -> None:
    at = ("--stack", stack.name)
    assert imgvec("plans", "create", "small", "--rate", "4", *at, environment=desk).returncode == 0

    made = imgvec("keys", "create", "acme", "--plan", "small", "--json", *at, environment=desk)

    assert made.returncode == 0
    assert "acme has a name of its own at the gateway." in made.stderr
    content = json.loads(made.stdout)
    assert content["key"] not in made.stderr
    assert stack.attached() == {f"imgvec-gateway-{stack.name}.acme": "SlowPlanId"}
    assert name_given_to(content["key"], stack) == own_name("acme")
    # It was asked for under the name itself before anybody else was given it.
    assert set(stack.names) == {own_name("acme")}

    again = imgvec("keys", "create", "acme", *at, environment=desk)
    assert name_given_to(again.stdout.strip(), stack) == own_name("acme")
    assert len(stack.attached()) == 1

    assert imgvec("keys", "disable", content["id"], *at, environment=desk).returncode == 0
    listed = json.loads(imgvec("keys", "list", "--json", *at, environment=desk).stdout)
    assert [(row["consumer"], row["state"], row["gateway"]) for row in listed] == [
        ("acme", "disabled", "own"),
        ("acme", "active", "own"),
    ]

    with closing(DynamoStore(find_stack(stack.name).table)) as store:
        deployed = find_stack(stack.name)
        waits: list[float] = []
        names = Identifiers(store, store, UsagePlans(deployed), Probe(deployed.url), waits.append)
        names.detach()
        assert max(waits) > 30
        assert states(store, ["acme"]) == {"acme": "shared"}
    assert name_given_to(again.stdout.strip(), stack) == SHARED
    assert stack.attached() == {}

    back = imgvec("keys", "attach", *at, environment=desk)
    assert back.stderr.endswith("acme has a name of its own at the gateway.\n")


def test_a_consumer_that_leaves_a_stack(desk: Environment, stack: SmallStack) -> None:
    at = ("--stack", stack.name)
    for name in ("leaves", "stays"):
        assert imgvec("keys", "create", name, *at, environment=desk).returncode == 0
    deployed = find_stack(stack.name)
    assert deployed.bucket is not None
    with (
        closing(DynamoStore(deployed.table)) as store,
        closing(S3Blobs(deployed.bucket)) as blobs,
    ):
        names = Identifiers(store, store, UsagePlans(deployed), Probe(deployed.url), lambda _: None)
        files = Assets(store, blobs, max_bytes=99)
        files.upload("leaves", "a.png", b"bytes", "re_1")
        listed = json.loads(imgvec("consumers", "list", "--json", *at, environment=desk).stdout)
        assert [row["bytes"] for row in listed if row["name"] == "leaves"] == [5]
        (consumer,) = [one for one in store.list_consumers() if one.name == "leaves"]
        Deletion(store, files, Registry(store, "root"), names, 30.0).run(consumer, False)
        assert states(store, ["leaves", "stays"]) == {"leaves": "shared", "stays": "own"}
        assert blobs.read("re_1") is None
    named = {name.rpartition(".")[2] for name in stack.attached()}
    assert "leaves" not in named
    assert "stays" in named
    again = imgvec("consumers", "delete", "stays", "--yes", *at, environment=desk)
    assert again.stderr.endswith("No usage is kept.\n")


def test_a_gateway_that_refuses_costs_no_key(desk: Environment, stack: SmallStack) -> None:
    closed = {**desk, "AWS_ENDPOINT_URL_API_GATEWAY": "http://127.0.0.1:9"}
    made = imgvec("keys", "create", "b", "--stack", stack.name, environment=closed)
    assert made.returncode == 0
    assert name_given_to(made.stdout.strip(), stack) == SHARED
    assert "API Gateway cannot be asked" in made.stderr
    assert f"`imgvec keys attach --stack {stack.name} b` tries again." in made.stderr
    assert "Traceback" not in made.stderr


def test_a_stack_without_gateway_keys_has_no_names(desk: Environment, stack: SmallStack) -> None:
    with small_stack(f"{stack.name}-off", gateway_keys=False) as off:
        made = imgvec("keys", "create", "a", "--stack", off.name, environment=desk)
        assert (made.returncode, made.stderr.count("\n")) == (0, 1)
        assert name_given_to(made.stdout.strip(), off) == SHARED
        destroyed = imgvec("keys", "detach", "--stack", off.name, environment=desk)
    assert (destroyed.returncode, destroyed.stderr) == (0, "0 names are deleted.\n")


def test_no_such_stack(desk: Environment) -> None:
    done = imgvec("keys", "create", "a", "--stack", "imgvec-nowhere", environment=desk)
    assert_sentence(done, 2, "imgvec: ", "no such stack")
    assert "Missing option '--stack'" in imgvec("keys", "detach", environment=desk).stderr

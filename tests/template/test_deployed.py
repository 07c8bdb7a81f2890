"""The whole template on an emulator: made, published anew, gone back from, and its data kept."""

from collections.abc import Iterator
from itertools import count

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.account import Account
from infra.configuration import Configuration
from tests.support.aws.deployed_template import Deployed
from tests.support.aws.ministack import MINISTACK, emulated

FUNCTIONS = {"EmbeddingsFunction", "AssetsFunction", "AuthorizerFunction"}
NAMES = count()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulated account with all services that the template needs."""
    if not MINISTACK.exists():
        pytest.skip("`make emulator` installs one")
    log = tmp_path_factory.mktemp("emulator") / "log.txt"
    with emulated(log, services="") as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
        yield variables["AWS_ENDPOINT_URL"]


@pytest.fixture
def stack(endpoint: str) -> Deployed:
    """A name that no stack has yet."""
    return Deployed(f"imgvec-{next(NAMES)}", endpoint)


def live(stack: Deployed) -> dict[str, str]:
    """The version of each function that callers get, as `make rollback` sees it."""
    configuration = Configuration("dev", stack.name, "us-east-1", None, {})
    return {one.name: one.live for one in Account(configuration).functions()}


def test_another_release_publishes_and_goes_live_and_the_one_before_stays(stack: Deployed) -> None:
    stack.deploy({})
    assert live(stack) == dict.fromkeys(FUNCTIONS, "1")
    stack.deploy({"RELEASE": "r2"}, LogLevel="debug")
    assert live(stack) == dict.fromkeys(FUNCTIONS, "2")
    account = Account(Configuration("dev", stack.name, "us-east-1", None, {}))
    for one in account.functions():
        assert set(one.versions) == {"1", "2"}
        assert one.versions["1"] < account.last_deployment() <= one.versions["2"]
        account.point(one, "1")
    assert live(stack) == dict.fromkeys(FUNCTIONS, "1")
    (image,) = [one for one in account.functions() if one.name == "EmbeddingsFunction"]
    assert account.code_of(image, "1").startswith("image 123456789012.dkr.ecr.")


def test_the_data_of_a_deleted_stack_are_the_next_ones(stack: Deployed, endpoint: str) -> None:
    before = stack.deploy({})
    table = boto3.resource("dynamodb").Table(before["TableName"])
    table.put_item(Item={"pk": "key", "sk": "of a consumer"})
    stack.delete()
    after = Deployed(f"imgvec-{next(NAMES)}", endpoint).deploy(
        {}, ExistingTable=before["TableName"], ExistingBucket=before["BucketName"]
    )
    for name in ("TableName", "BucketName"):
        assert after[name] == before[name]
    assert table.get_item(Key={"pk": "key", "sk": "of a consumer"})["Item"]


def test_protection_can_be_switched_on_and_off(stack: Deployed) -> None:
    for protection, protected in (("on", True), ("off", False)):
        table = stack.deploy({}, Protection=protection)["TableName"]
        found = boto3.client("dynamodb").describe_table(TableName=table)["Table"]
        assert found["DeletionProtectionEnabled"] is protected


def test_a_domain_without_a_certificate_is_rejected_before_anything_is_made(
    stack: Deployed,
) -> None:
    with pytest.raises(ClientError, match="DomainName and LlmDomainName need CertificateArn"):
        stack.deploy({}, DomainName="vectors.example.com")
    assert stack.name not in {
        one["StackName"] for one in boto3.client("cloudformation").describe_stacks()["Stacks"]
    }

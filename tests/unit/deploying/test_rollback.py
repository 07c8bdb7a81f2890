"""`make rollback` on an emulator of CloudFormation and Lambda."""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.aws.ministack import MINISTACK, emulated
from tests.support.server.places import ROOT

NAMES = ("AssetsFunction", "EmbeddingsFunction")


def template(releases: Mapping[str, str]) -> str:
    """Functions with a version and an alias each, as SAM writes them."""
    resources: dict[str, Any] = {}
    for name, release in releases.items():
        version = f"{name}Version{release}"
        resources[name] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": "arn:aws:iam::000000000000:role/any",
                "Code": {"ZipFile": "handler = print"},
                "Environment": {"Variables": {"RELEASE": release}},
            },
        }
        resources[version] = {
            "Type": "AWS::Lambda::Version",
            "DeletionPolicy": "Retain",
            "Properties": {"FunctionName": {"Ref": name}},
        }
        resources[f"{name}Aliaslive"] = {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "Name": "live",
                "FunctionName": {"Ref": name},
                "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
            },
        }
    return json.dumps({"Resources": resources})


@dataclass
class Checkout:
    """A checkout whose dev is a stack of the emulator."""

    folder: Path
    stack: str

    def deploy(self, **releases: str) -> None:
        """Create or update the stack."""
        client = boto3.client("cloudformation")
        body = template({f"{name}Function": release for name, release in releases.items()})
        exists = any(one["StackName"] == self.stack for one in client.describe_stacks()["Stacks"])
        # CloudFormation's times are whole seconds.
        time.sleep(1.1)
        if exists:
            client.update_stack(StackName=self.stack, TemplateBody=body)
            waiter: Any = client.get_waiter("stack_update_complete")
        else:
            client.create_stack(StackName=self.stack, TemplateBody=body)
            waiter = client.get_waiter("stack_create_complete")
        waiter.wait(StackName=self.stack, WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    def rollback(self, *versions: str) -> subprocess.CompletedProcess[str]:
        """`make rollback ENV=dev`, in the words of the Makefile."""
        return subprocess.run(
            [sys.executable, "-m", "infra.rollback", "dev", *versions],
            cwd=self.folder,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )

    def live(self) -> dict[str, str]:
        """The release that callers of each function get."""
        client = boto3.client("lambda")
        found = boto3.client("cloudformation").describe_stack_resources(StackName=self.stack)
        return {
            one["LogicalResourceId"]: client.get_function_configuration(
                FunctionName=one["PhysicalResourceId"], Qualifier="live"
            )["Environment"]["Variables"]["RELEASE"]
            for one in found["StackResources"]
            if one["ResourceType"] == "AWS::Lambda::Function"
        }


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An emulated account with Lambda."""
    if not MINISTACK.exists():
        pytest.skip("`make emulator` installs one")
    log = tmp_path_factory.mktemp("emulator") / "log.txt"
    with (
        emulated(log, "cloudformation,lambda,iam,s3") as variables,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def checkout(account: None, tmp_path: Path) -> Checkout:
    """Without a stack yet."""
    stack = f"imgvec-{uuid.uuid4().hex[:8]}"
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    text = (ROOT / "samconfig.toml").read_text()
    (tmp_path / "samconfig.toml").write_text(text.replace('"imgvec-dev"', f'"{stack}"'))
    return Checkout(tmp_path, stack)


def test_what_the_last_deployment_changed_is_as_before_and_forward_again(
    checkout: Checkout,
) -> None:
    checkout.deploy(Assets="a", Embeddings="a")
    checkout.deploy(Assets="a", Embeddings="b")
    assert checkout.live() == {"AssetsFunction": "a", "EmbeddingsFunction": "b"}
    done = checkout.rollback()
    assert done.returncode == 0, done.stderr
    assert "EmbeddingsFunction: version 2 -> 1, code " in done.stderr
    assert "AssetsFunction" not in done.stderr
    assert checkout.live() == {"AssetsFunction": "a", "EmbeddingsFunction": "a"}

    again = checkout.rollback()
    assert again.returncode == 1
    assert "changed no function that is live" in again.stderr
    assert "Live are" in again.stderr
    assert checkout.rollback("EmbeddingsFunction=2").returncode == 0
    assert checkout.live()["EmbeddingsFunction"] == "b"


def test_a_first_deployment_has_nothing_before_it(checkout: Checkout) -> None:
    checkout.deploy(Assets="a", Embeddings="a")
    done = checkout.rollback()
    assert done.returncode == 1
    assert "has no version from before the last deployment" in done.stderr


def test_a_shift_that_goes_on_is_left_to_codedeploy(checkout: Checkout) -> None:
    checkout.deploy(Embeddings="a")
    checkout.deploy(Embeddings="b")
    found = boto3.client("cloudformation").describe_stack_resources(StackName=checkout.stack)
    (physical,) = [
        one["PhysicalResourceId"]
        for one in found["StackResources"]
        if one["ResourceType"] == "AWS::Lambda::Function"
    ]
    weights: Any = {"AdditionalVersionWeights": {"2": 0.1}}
    boto3.client("lambda").update_alias(
        FunctionName=physical, Name="live", FunctionVersion="1", RoutingConfig=weights
    )
    done = checkout.rollback()
    assert done.returncode == 1
    assert "aws deploy stop-deployment" in done.stderr


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        ("OtherFunction=1", "is no function here, there are: AssetsFunction, EmbeddingsFunction"),
        ("AssetsFunction=9", "AssetsFunction has no version 9, there are: 1"),
        ("1", "is no parameter: write Name=value"),
    ],
)
def test_a_version_that_is_not_there(checkout: Checkout, versions: str, says: str) -> None:
    checkout.deploy(Assets="a", Embeddings="a")
    done = checkout.rollback(versions)
    assert done.returncode == 1
    assert says in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("make rollback: ")
    assert "Traceback" not in done.stderr


def test_no_stack(checkout: Checkout) -> None:
    done = checkout.rollback()
    assert done.returncode == 1
    assert "there is no such stack in this region and account" in done.stderr

"""`make deploy` in a checkout of its own, on an emulator of AWS, with imitations of SAM and Docker.

`make test-cloud` goes the same way with the real ones (tests/cloud/first_deploy.sh).
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from imgvec.encoders.integrity import RECORD, SHIPPED_TERMS, bake
from imgvec.encoders.registry import shipped_folder
from tests.support.aws.account_settings import imitated_account_settings
from tests.support.server.places import ROOT

SAM = """\
#!{python}
import json, os, pathlib, sys
calls = pathlib.Path("calls")
calls.mkdir(exist_ok=True)
said = {{"arguments": sys.argv[1:], "architecture": os.environ.get("ARCHITECTURE")}}
(calls / sys.argv[1]).write_text(json.dumps(said))
built = pathlib.Path(".aws-sam/build")
built.mkdir(parents=True, exist_ok=True)
(built / "template.yaml").write_text("      ImageUri: embeddingsfunction:imgvec-embeddings\\n")
sys.exit(sys.argv[1] == os.environ.get("FAILS"))
"""
DOCKER = """\
#!/bin/sh
case $1 in
  create) [ "$2" = embeddingsfunction:imgvec-embeddings ] && echo c0ffee ;;
  cp) cp "$IMITATED_IMAGE${2#c0ffee:}" "$3" ;;
esac
"""


@dataclass
class Checkout:
    """A checkout with the starter, the image that was built, and what SAM was told."""

    folder: Path
    image: Path
    stack: str
    variables: dict[str, str]

    def deploy(self, *parameters: str, **more: str) -> subprocess.CompletedProcess[str]:
        """`make deploy ENV=dev`, in the words of the Makefile."""
        sam = str(self.folder / "bin" / "sam")
        return subprocess.run(
            [sys.executable, "-m", "infra.deploy", "dev", "--sam", sam, *parameters],
            cwd=self.folder,
            env={**os.environ, **self.variables, **more},
            capture_output=True,
            text=True,
            check=False,
        )

    def told(self, command: str) -> list[str]:
        """The parameters that a command of SAM was given; none if it was not called."""
        path = self.folder / "calls" / command
        if not path.exists():
            return []
        arguments: list[str] = json.loads(path.read_text())["arguments"]
        return arguments[arguments.index("--parameter-overrides") + 1 :]

    def architecture(self) -> str:
        """For which the layer was built."""
        found: str = json.loads((self.folder / "calls" / "build").read_text())["architecture"]
        return found


def executable(path: Path, text: str) -> None:
    """Write a program."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def checkout(aws: dict[str, str], tmp_path: Path) -> Iterator[Checkout]:
    """With a stack that is deployed already, in an account of 10."""
    folder, image = tmp_path / "checkout", tmp_path / "image"
    stack = f"imgvec-{uuid.uuid4().hex[:8]}"
    shutil.copytree(ROOT / "infra", folder / "infra")
    shutil.copytree(shipped_folder() / "starter", folder / "models" / "starter")
    text = (ROOT / "samconfig.toml").read_text()
    (folder / "samconfig.toml").write_text(text.replace('"imgvec-dev"', f'"{stack}"'))
    baked = shutil.copytree(shipped_folder() / "starter", image / "opt" / "models" / "starter")
    bake(baked)
    executable(folder / "bin" / "sam", SAM.format(python=sys.executable))
    executable(folder / "bin" / "docker", DOCKER)
    deployed = {
        "Parameters": {
            name: {"Type": "String"} for name in ("BaseImage", "ThrottleRate", "LogLevel")
        },
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"Url": {"Value": "https://api.example/v1"}},
    }
    client = boto3.client("cloudformation")
    client.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(deployed),
        Parameters=[
            {"ParameterKey": "BaseImage", "ParameterValue": "base:pinned"},
            {"ParameterKey": "ThrottleRate", "ParameterValue": "77"},
            {"ParameterKey": "LogLevel", "ParameterValue": "debug"},
        ],
    )
    client.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    with imitated_account_settings(10) as account:
        variables = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL_LAMBDA": account,
            "IMITATED_IMAGE": str(image),
        }
        yield Checkout(folder, image, stack, variables)


def test_build_and_deploy_get_the_same_and_the_account_decides_the_throttles(
    checkout: Checkout,
) -> None:
    done = checkout.deploy("LogDays=3")
    assert done.returncode == 0, done.stderr
    assert checkout.told("build") == checkout.told("deploy")
    assert set(checkout.told("deploy")) == {
        'Architecture="x86_64"',
        # Of the stack that is there, which `sam build` knows nothing of.
        'BaseImage="base:pinned"',
        'Encoder="starter"',
        'Endpoint="off"',
        'LogDays="3"',
        'ThrottleBurst="3"',
        'ThrottleRate="1"',
    }
    assert "may run 10 functions at once" in done.stderr
    assert SHIPPED_TERMS in done.stderr
    assert "Deployed: https://api.example/v1" in done.stderr
    assert f"imgvec keys create my-team --stack {checkout.stack}" in done.stderr


def test_the_layer_is_built_for_the_stacks_architecture(checkout: Checkout) -> None:
    assert checkout.deploy("Architecture=arm64").returncode == 0
    assert checkout.architecture() == "arm64"


def lost(image: Path) -> None:
    """The image of a build with another Encoder."""
    shutil.rmtree(image / "opt" / "models" / "starter")


def other(image: Path) -> None:
    """The image of an older build."""
    record = image / "opt" / "models" / "starter" / RECORD
    record.write_text(record.read_text().replace("a", "b"))


@pytest.mark.parametrize("wrong", [lost, other])
def test_an_image_without_the_encoder_is_not_deployed(
    checkout: Checkout, wrong: Callable[[Path], None]
) -> None:
    wrong(checkout.image)
    done = checkout.deploy()
    assert done.returncode == 1
    assert "has no encoder starter of revision" in done.stderr.splitlines()[-1]
    assert "under `global` in samconfig.toml" in done.stderr
    assert checkout.told("build"), "positive control: an image was built"
    assert not checkout.told("deploy")


def test_throttles_that_are_fixed_stay_and_need_no_permission(checkout: Checkout) -> None:
    with imitated_account_settings(None) as denied:
        refused = checkout.deploy("ThrottleRate=50", AWS_ENDPOINT_URL_LAMBDA=denied)
        fixed = checkout.deploy(
            "ThrottleRate=50", "ThrottleBurst=60", AWS_ENDPOINT_URL_LAMBDA=denied
        )
    assert refused.returncode == 1
    assert refused.stderr == (
        "make deploy: Lambda (GetAccountSettings) rejects the call: AccessDeniedException. "
        'Or fix both yourself: PARAMETERS="ThrottleRate=1 ThrottleBurst=3"\n'
    )
    assert fixed.returncode == 0, fixed.stderr
    assert {'ThrottleRate="50"', 'ThrottleBurst="60"'} <= set(checkout.told("deploy"))


def test_a_rate_that_the_account_cannot_run_is_told(checkout: Checkout) -> None:
    done = checkout.deploy("ThrottleRate=50")
    assert done.returncode == 0
    assert "Of up to 202 requests in flight those beyond 10 get 500." in done.stderr


@pytest.mark.parametrize(
    ("parameters", "variables", "says"),
    [
        pytest.param(["ThrottleRate=0"], {}, "is no whole number of 1 or more", id="a rate of 0"),
        pytest.param(["ThrottleBurst=x"], {}, "is no whole number of 1 or more", id="no number"),
        pytest.param([], {"PATH": "/nowhere"}, "Docker is not installed", id="no Docker"),
        pytest.param([], {"FAILS": "build"}, "`sam build` failed", id="no build"),
        pytest.param([], {"FAILS": "deploy"}, "`sam deploy` failed", id="no deployment"),
        pytest.param(["Encoder=absent"], {}, "mend what is said above", id="no such encoder"),
        pytest.param(
            ["Endpoint=zero", "Encoder=other"], {}, "docs/how-to/gpu.md", id="no serving image"
        ),
        pytest.param(
            [], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be asked", id="no AWS"
        ),
    ],
)
def test_a_failure_is_one_sentence_at_the_end(
    checkout: Checkout, parameters: list[str], variables: dict[str, str], says: str
) -> None:
    done = checkout.deploy(*parameters, **variables)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("make deploy: ")
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr

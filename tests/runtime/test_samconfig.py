"""`samconfig.toml`, read by SAM's own reader: build and deploy take the same parameters."""

import json
import subprocess
import tomllib
from functools import cache
from typing import Any, Final

import pytest

from infra.configuration import read_configuration
from infra.deploy import BURST, IN_THE_IMAGE, RATE
from tests.support.aws.translated_template import written
from tests.support.server.places import ROOT

FILE: Final = ROOT / "samconfig.toml"
SAM_PYTHON: Final = ROOT / ".cache" / "tools" / "bin" / "python"
ENVIRONMENTS: Final = [
    name for name, value in tomllib.loads(FILE.read_text()).items() if isinstance(value, dict)
]
READ: Final = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig

folder, *environments = sys.argv[1:]
found = {}
for environment in environments:
    for command in ("build", "deploy"):
        section = dict(SamConfig(folder).get_all([command], "parameters", environment))
        section["parameter_overrides"] = CfnParameterOverridesType().convert(
            section.get("parameter_overrides", ""), None, None
        )
        found[f"{environment} {command}"] = section
print(json.dumps(found))
"""


@cache
def as_sam_reads() -> dict[str, dict[str, Any]]:
    """Each command's parameters from the file, by environment and command."""
    if not SAM_PYTHON.exists():
        pytest.skip("NOT RUN: SAM is not installed; `make .cache/tools/ready` does it")
    done = subprocess.run(
        [SAM_PYTHON, "-c", READ, ROOT, *ENVIRONMENTS], capture_output=True, text=True, check=True
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def test_there_are_environments() -> None:
    assert {"default", "dev", "prod"} <= set(ENVIRONMENTS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("name", ["parameter_overrides", "stack_name", "region", "profile"])
def test_build_and_deploy_take_the_same(environment: str, name: str) -> None:
    read = as_sam_reads()
    build, deploy = read[f"{environment} build"], read[f"{environment} deploy"]
    assert build.get(name) == deploy.get(name)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_decides_the_image_is_named(environment: str) -> None:
    """Otherwise `sam deploy` keeps what the stack has, which `sam build` does not know."""
    named = as_sam_reads()[f"{environment} build"]["parameter_overrides"]
    assert {"Encoder", "Architecture"} <= set(named)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_account_decides_the_throttles(environment: str) -> None:
    named = as_sam_reads()[f"{environment} deploy"]["parameter_overrides"]
    assert not {RATE, BURST} & set(named)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_make_deploy_reads_what_sam_reads(environment: str) -> None:
    ours = read_configuration(FILE, environment)
    theirs = as_sam_reads()[f"{environment} deploy"]
    assert ours.parameters == theirs["parameter_overrides"]
    assert ours.stack == theirs["stack_name"]
    assert (ours.region, ours.profile) == (theirs.get("region"), theirs.get("profile"))


def test_what_nobody_names_is_built_as_the_template_says() -> None:
    parameters = written()["Parameters"]
    assert {name: parameters[name]["Default"] for name in IN_THE_IMAGE} == IN_THE_IMAGE


def test_no_other_parameter_decides_the_image() -> None:
    """Of those that the image's and the layer's builds are given."""
    resources = written()["Resources"]
    given = [
        *resources["EmbeddingsFunction"]["Metadata"]["DockerBuildArgs"].values(),
        resources["CoreLayer"]["Metadata"]["BuildArchitecture"],
    ]
    assert {one["Ref"] for one in given} == set(IN_THE_IMAGE)

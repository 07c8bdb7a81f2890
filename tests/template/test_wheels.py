"""The functions' locks have a wheel for both architectures that AWS's base images can load."""

import re
import subprocess
import tomllib
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from subset import ARTIFACTS, subset
from tests.support.aws.locked_wheels import ARCHITECTURES, LOCKS, NEWEST_GLIBC_MINOR, TARGET
from tests.support.server.places import ROOT

LISTED = dict(line.split("  ") for line in TARGET.read_text().splitlines())
"""File names by SHA-256."""


def locked(artifact: str) -> dict[str, set[str]]:
    """Hashes by requirement, as `name==version`."""
    blocks = re.split(r"\n(?=\S)", LOCKS[artifact])
    return {
        block.split()[0]: set(re.findall(r"sha256:([0-9a-f]{64})", block))
        for block in blocks
        if "==" in block
    }


def loads_on(name: str, architecture: str) -> bool:
    """Whether Python 3.13 on Amazon Linux 2023 takes a wheel of this name."""
    for tag in parse_wheel_filename(name)[3]:
        minor = re.fullmatch(rf"manylinux_2_(\d+)_{architecture}", tag.platform)
        if tag.platform == "any" or (minor and int(minor[1]) <= NEWEST_GLIBC_MINOR):
            return True
    return False


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("artifact", LOCKS)
def test_every_requirement_has_a_wheel(artifact: str, architecture: str) -> None:
    requirements = locked(artifact)
    assert len(requirements) > 10, "positive control"
    for requirement, hashes in requirements.items():
        found = [LISTED[digest] for digest in hashes & LISTED.keys()]
        fitting = [name for name in found if loads_on(name, architecture)]
        assert len(fitting) == 1, f"{requirement}: run `make wheels`"
        name, version, _, _ = parse_wheel_filename(fitting[0])
        assert Requirement(requirement).name == name
        assert requirement.endswith(f"=={version}")


NOT_IMPORTED = {"click", "huggingface-hub", "flatbuffers", "packaging", "protobuf"}
"""Packages that others ask for and nothing of ours imports there."""


@pytest.mark.parametrize("artifact", ["layer", "function", "bulk", "cpu"])
def test_an_artifact_has_what_its_packages_need(artifact: str) -> None:
    kept = set(ARTIFACTS[artifact].split())
    needed = {
        (canonicalize_name(needed.name), package)
        for package in kept
        for needed in map(Requirement, requires(package) or ())
        if needed.marker is None or needed.marker.evaluate({"python_full_version": "3.13.0"})
    }
    missing = {(name, package) for name, package in needed if name not in kept | NOT_IMPORTED}
    assert not missing


def test_the_function_has_what_the_library_depends_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {Requirement(one).name for one in project["dependencies"]}
    of_a_laptop = {"click", "httptools", "prometheus-client", "uvicorn", "uvloop"}
    assert needed - of_a_laptop <= set(ARTIFACTS["function"].split())


def test_an_artifact_has_what_the_lock_has() -> None:
    lock = "one==1 \\\n    --hash=sha256:1\n"
    with pytest.raises(SystemExit, match=r"The lock is without .*awslambdaric"):
        subset(lock, "runtime")


def test_nothing_else_is_listed() -> None:
    hashes = {digest for artifact in LOCKS for its in locked(artifact).values() for digest in its}
    assert LISTED.keys() <= hashes, "run `make wheels`"


@pytest.mark.parametrize(
    ("given", "machine"), [((), "x86_64"), (("ARCHITECTURE=arm64",), "aarch64")]
)
def test_the_layer_is_built_for_the_architecture_that_is_named(
    given: tuple[str, ...], machine: str
) -> None:
    shown = subprocess.run(
        ["make", "--dry-run", "build-CoreLayer", "ARTIFACTS_DIR=/tmp/layer", *given],
        cwd=ROOT / "layers" / "core",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert set(re.findall(r"manylinux\w+?_(x86_64|aarch64)", shown)) == {machine}
    assert f"manylinux_2_{NEWEST_GLIBC_MINOR}_{machine}" in shown

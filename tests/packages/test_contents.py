"""Contents of the distributions: all that git tracks of the packages, and nothing else."""

import subprocess
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser

import pytest

from tests.packages.conftest import Distributions, build
from tests.support.server.places import ROOT

MOVED = {
    "layers/core/imgvec": "imgvec",
    "models/imgvec_models": "imgvec_models",
    "benchmarks/imgvec_benchmarks": "imgvec_benchmarks",
    "models/starter": "imgvec/_models/starter",
}
"""Folders of the checkout, and where they lie in the wheel."""
LARGEST = 26_000_000
"""Bytes of the wheel; the encoder has 24 million of them."""


def tracked() -> set[str]:
    """Files that the wheel should have, as git knows them."""
    names = set()
    for folder, inside in MOVED.items():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--", folder], cwd=ROOT, capture_output=True, check=True
        )
        found = filter(None, listed.stdout.decode().split("\0"))
        names |= {inside + name.removeprefix(folder) for name in found}
    return names


def metadata_of(wheel: zipfile.ZipFile) -> Message:
    """The headers that an index shows."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_has_what_git_tracks_and_nothing_else(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == tracked()
    assert {"imgvec/py.typed", "imgvec_models/py.typed"} <= names
    size = distributions.wheel.stat().st_size
    print(f"\nwheel {size:,} bytes, sdist {distributions.sdist.stat().st_size:,} bytes")
    assert size < LARGEST


def test_the_checkout_builds_the_same_wheel_as_the_sdist(
    distributions: Distributions, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wheel = build(ROOT, "wheel", tmp_path_factory.mktemp("checkout"))
    assert wheel.read_bytes() == distributions.wheel.read_bytes()


def test_metadata(distributions: Distributions) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with zipfile.ZipFile(distributions.wheel) as wheel:
        metadata = metadata_of(wheel)
    assert metadata.get_all("Provides-Extra") == sorted(project["optional-dependencies"])
    assert metadata["License-Expression"] == "Apache-2.0"
    licences = metadata.get_all("License-File")
    # Swagger UI's own licence and notice go along with its files.
    assert licences is not None and len(licences) == 3
    assert metadata["Description-Content-Type"] == "text/markdown"

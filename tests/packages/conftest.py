"""The distributions, built once, and empty environments that they are installed into.

`make test-packages` fills the wheelhouse with the locked versions before, and runs this in a
network namespace that reaches this machine alone.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.server.places import CAT, ROOT

WHEELHOUSE = ROOT / ".cache" / "wheelhouse"
INHERITED = ("PATH", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Distributions:
    """Files as they would be uploaded."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Installed:
    """A user with an environment, a folder with one photo, and no clone."""

    environment: Path
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """Of the user's shell; nothing in them leads to this checkout."""
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {**kept, "HOME": str(self.folder), "NO_PROXY": "*", "PIP_CONFIG_FILE": os.devnull}

    @property
    def command(self) -> Path:
        """The installed command."""
        return self.environment / "bin" / "imgvec"

    def imgvec(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command in the user's folder, to its end."""
        return run(self.command, *arguments, cwd=self.folder, env=self.variables, check=False)


def run(
    *command: str | Path, cwd: Path, env: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it prints."""
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def build(source: Path, target: str, folder: Path) -> Path:
    """Build one distribution; gives its file."""
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    (built,) = folder.iterdir()
    return built


def install(distributions: Distributions, extra: str, folder: Path) -> Installed:
    """Install the wheel as `pip install 'imgvec[extra]'` does, with the locked versions."""
    user = Installed(folder / "environment", folder / "photos")
    user.folder.mkdir()
    shutil.copy(CAT, user.folder / "my photo.jpg")
    run(sys.executable, "-m", "venv", user.environment, cwd=folder)
    wheel = f"imgvec{extra} @ {distributions.wheel.as_uri()}"
    pip = (user.environment / "bin" / "pip", "install", "--no-index", "--find-links", WHEELHOUSE)
    run(*pip, wheel, cwd=folder, env=user.variables)
    return user


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Build the sdist from the checkout, and the wheel from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    sdist = build(ROOT, "sdist", folder / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    source = folder / sdist.name.removesuffix(".tar.gz")
    return Distributions(sdist, build(source, "wheel", folder / "wheel"))


@pytest.fixture(scope="session")
def installed(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """`pip install imgvec`."""
    return install(distributions, "", tmp_path_factory.mktemp("plain"))

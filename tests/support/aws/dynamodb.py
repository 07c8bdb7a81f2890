"""DynamoDB on this machine: dynalite, which checks requests strictly and is atomic.

It is installed by npm into `.cache/node` at first use (no lock file: it is a test tool that no
artefact contains). Where Node or the network is missing, `start` says so and tests skip loudly.
"""

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from filelock import FileLock

from tests.support.server.places import ROOT

VERSION: Final = "4.0.0"
FOLDER: Final = ROOT / ".cache" / "node"
DYNALITE: Final = FOLDER / "node_modules" / "dynalite"
QUIETLY: Final = ("--no-package-lock", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts")
STARTER: Final = Path(__file__).with_name("dynalite.cjs")


class NoEmulator(Exception):
    """Why there is no emulator here."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator; what makes a client use it is in `environment`."""

    address: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables that boto3 reads."""
        return {
            "AWS_ENDPOINT_URL_DYNAMODB": self.address,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def new_table(self) -> str:
        """An empty table as the store wants it; gives its name."""
        name = f"imgvec-{uuid.uuid4().hex[:12]}"
        client: Any = boto3.client(
            "dynamodb",
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        client.get_waiter("table_exists").wait(
            TableName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 1500}
        )
        client.close()
        return name


@contextmanager
def start() -> Iterator[Emulator]:
    """Run the emulator on a free port of the loopback interface.

    Raises:
        NoEmulator: Node is missing, or the emulator could not be installed.
    """
    node = shutil.which("node")
    if node is None:
        raise NoEmulator("node is not installed")
    with FileLock(FOLDER / ".lock"):
        if not DYNALITE.exists():
            _install()
    process = subprocess.Popen(
        [node, str(STARTER), str(DYNALITE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise NoEmulator("dynalite did not start")
        yield Emulator(line.strip())
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _install() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NoEmulator("npm is not installed")
    done = subprocess.run(
        [
            npm,
            "install",
            "--prefix",
            str(FOLDER),
            "--no-package-lock",
            "--no-save",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            f"dynalite@{VERSION}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NoEmulator(f"dynalite could not be installed: {done.stderr[-300:]}")

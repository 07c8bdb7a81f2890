"""asl-validator, which checks definitions of state machines; installed by npm at first use."""

import json
import shutil
import subprocess
from typing import Any, Final

from filelock import FileLock

from tests.support.aws.dynamodb import QUIETLY
from tests.support.server.places import ROOT

VERSION: Final = "4.0.0"
FOLDER: Final = ROOT / ".cache" / "asl"
VALIDATOR: Final = FOLDER / "node_modules" / "asl-validator" / "dist" / "bin" / "asl-validator.js"


class NoValidator(Exception):
    """Why there is none here."""


def findings(definition: dict[str, Any]) -> str:
    """The faults of a definition; empty where there are none.

    Raises:
        NoValidator: Node is missing, or it could not be installed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NoValidator("node or npm is not installed")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(FOLDER / ".lock"):
        if not VALIDATOR.exists():
            install = [
                npm,
                "install",
                "--prefix",
                str(FOLDER),
                *QUIETLY,
                f"asl-validator@{VERSION}",
            ]
            done = subprocess.run(install, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise NoValidator(f"it could not be installed: {done.stderr[-300:]}")
    asked = [node, str(VALIDATOR), "--json-definition", json.dumps(definition)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr

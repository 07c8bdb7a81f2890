"""Runs a JavaScript client for one call."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.conftest import Server
from tests.support.server.places import ROOT

SCRIPTS = Path(__file__).parent / "js"


class JavaScriptError(Exception):
    """The client's own error, by its name."""

    def __init__(self, error: str, status: int | None = None, message: str = "") -> None:
        super().__init__(message)
        self.error_name, self.status = error, status


@dataclass(frozen=True)
class Client:
    """A script of tests/clients/js, whose `embed` makes one call."""

    script: str
    server: Server

    def embed(self, asked: dict[str, Any], key: str = "", **options: Any) -> list[list[float]]:
        """The vectors that the client gives.

        Raises:
            JavaScriptError: the client raised an error.
        """
        call = {"address": self.server.address, "key": key or self.server.key, "asked": asked}
        # Node finds packages from where it runs, and reads the script from its standard input.
        done = subprocess.run(
            ["node", "--input-type=module", "-"],
            input="".join((SCRIPTS / name).read_text() for name in (self.script, "call.mjs")),
            env={**os.environ, "CALL": json.dumps({**call, "options": options})},
            cwd=ROOT / ".cache" / "clients-js",
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        # The AI SDK prints warnings before.
        content = json.loads(done.stdout.splitlines()[-1])
        if "vectors" not in content:
            raise JavaScriptError(**content)
        vectors: list[list[float]] = content["vectors"]
        return vectors

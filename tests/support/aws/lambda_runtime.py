"""The real Lambda runtime on this machine: AWS's interface emulator and its Python client.

The emulator comes in the wheel of the SAM CLI, the client (`awslambdaric`) is what AWS's base image
brings; `make test-runtime` installs both below `.cache`.
"""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import httpx2

from tests.support.aws.rest_events import Event
from tests.support.server.places import ROOT

EMULATOR: Final = next(
    (ROOT / ".cache" / "tools").glob("lib/python*/site-packages/samcli/local/rapid/*-x86_64"), None
)
CLIENT: Final = ROOT / ".cache" / "runtime"
HANDLER: Final = "functions.embeddings.app.handler"
HANDLERS: Final = {
    "EmbeddingsFunction": HANDLER,
    "AssetsFunction": "functions.assets.app.handler",
    "AuthorizerFunction": "functions.authorizer.app.handler",
}
INVOKE: Final = "/2015-03-31/functions/function/invocations"


class LambdaRuntime:
    """One execution environment: it answers one event at a time and is warm after the first."""

    def __init__(self, environment: dict[str, str], log: Path, handler: str = HANDLER) -> None:
        """Start the emulator, writing to `log`; the handler starts with the first event."""
        assert EMULATOR is not None, "make test-runtime installs it"
        self._port, api = _free_port(), _free_port()
        self._log = log
        addresses = (
            *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
            *("--runtime-api-address", f"127.0.0.1:{api}"),
        )
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(EMULATOR), *addresses, sys.executable, "-m", "awslambdaric", handler],
                env=_lambda_environment(environment),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._client = httpx2.Client(
            base_url=f"http://127.0.0.1:{self._port}", timeout=60, trust_env=False
        )
        self._one_at_a_time = threading.Lock()
        _wait_for(self._port)

    def invoke(self, event: Event) -> Event:
        """Send an event and give the answer; an error of the function has an `errorType`."""
        with self._one_at_a_time:
            answer: Event = self._client.post(INVOKE, content=json.dumps(event)).json()
        return answer

    @property
    def log(self) -> str:
        """All that the function and the platform have written."""
        return self._log.read_text(encoding="utf-8")

    @property
    def lines(self) -> list[str]:
        """The function's own lines, which are JSON; the platform's are not."""
        return [line for line in self.log.splitlines() if line.startswith("{")]

    @property
    def init_milliseconds(self) -> float:
        """How long the start of the process and the imports took, as the platform reports it."""
        return float(self._reported(r"INIT REPORT\(durationMs: ([\d.]+)\)")[-1])

    @property
    def invoke_milliseconds(self) -> list[float]:
        """How long each call took, as the platform reports it."""
        return [float(value) for value in self._reported(r"INVOKE RTDONE.*duration: ([\d.]+)ms")]

    def _reported(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.log)

    def stop(self) -> None:
        """End the emulator, which ends the handler."""
        self._client.close()
        self._process.terminate()
        self._process.wait(timeout=30)


def _lambda_environment(environment: dict[str, str]) -> dict[str, str]:
    path = [str(CLIENT), str(ROOT), environment.get("PYTHONPATH", "")]
    return {
        **environment,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "28",
        "AWS_LAMBDA_FUNCTION_NAME": "embeddings",
        "GATEWAY_KEY_PREFIX": "imgvec-gateway-test",
        "PYTHONPATH": os.pathsep.join(part for part in path if part),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the emulator did not start")

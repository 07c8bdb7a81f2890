"""S3 and more of AWS on loopback, where `make emulator` has installed it (MiniStack)."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.server.places import ROOT

MINISTACK: Final = ROOT / ".cache" / "emulator" / "bin" / "ministack"
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def emulated(
    log: Path, services: str = "s3,dynamodb,apigateway,cloudformation"
) -> Iterator[dict[str, str]]:
    """Run it for a while; gives the variables that lead clients to it. It ends by its own id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": services,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [MINISTACK], env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_for(port, process)
        yield {**CREDENTIALS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the emulator did not start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the emulator did not answer")

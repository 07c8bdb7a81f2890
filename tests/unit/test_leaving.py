"""A server process that is asked to stop while it still starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server.places import NOBODY, server_environment

INITIALISATION = """
import os, signal
try:
    os.kill(os.getpid(), signal.{name})
except BaseException:
    raise ImportError("initialization failed") from None
"""
"""What ONNX Runtime's extension makes of an exception while its module is initialised."""
BEGINNING = """
import os, signal
from imgvec.process import leave_quietly, listen
from imgvec.server import server

async def app(scope, receive, send):
    for answer in ("startup", "shutdown"):
        print((await receive())["type"])
        await send({{"type": f"lifespan.{{answer}}.complete"}})

listener = listen("127.0.0.1", 0)
leave_quietly()
os.kill(os.getpid(), signal.{name})
server(app).run(sockets=[listener])
"""
"""A server that is asked to stop between its last line and its first turn."""
STOPS = pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=["SIGTERM", "Ctrl-C", "SIGHUP"]
)


@STOPS
@pytest.mark.parametrize(
    "command", [("imgvec", "serve"), ("imgvec.sagemaker_container", "serve")], ids=" ".join
)
def test_asked_inside_an_import_by_a_stand_in_for_onnxruntime(
    tmp_path: Path, command: tuple[str, str], number: signal.Signals
) -> None:
    (tmp_path / "onnxruntime.py").write_text(INITIALISATION.format(name=number.name))
    environment = server_environment(tmp_path / "data", NOBODY)
    found_first = os.pathsep.join([str(tmp_path), environment.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", *command, "--port", "0"],
        env={**environment, "PYTHONPATH": found_first},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@STOPS
def test_asked_while_the_loop_begins_it_begins_and_ends_in_order(number: signal.Signals) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING.format(name=number.name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["lifespan.startup", "lifespan.shutdown"]


def test_a_port_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    environment = server_environment(tmp_path / "data", NOBODY)
    command = [sys.executable, "-m", "imgvec.sagemaker_container", "serve", "--port", "99999"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: [Errno 22] there is no such address\n"

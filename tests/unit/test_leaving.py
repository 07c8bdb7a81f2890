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


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=["SIGTERM", "Ctrl-C", "SIGHUP"]
)
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


def test_a_port_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    environment = server_environment(tmp_path / "data", NOBODY)
    command = [sys.executable, "-m", "imgvec.sagemaker_container", "serve", "--port", "99999"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: [Errno 22] there is no such address\n"

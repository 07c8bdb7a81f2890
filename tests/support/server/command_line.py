"""The command line in forks of one process that has imported it: a start takes 20 ms, not 400."""

import multiprocessing
import os
import runpy
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__, "imgvec.cli", "imgvec_models.commands"])


def _run(arguments: tuple[str, ...], environment: dict[str, str], out: str, err: str) -> None:
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["imgvec", *arguments]
    runpy.run_module("imgvec", run_name="__main__", alter_sys=True)


def run_forked(
    *arguments: str, environment: dict[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run `python -m imgvec` to its end; what Python reads as it starts changes nothing."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = FORKS.Process(target=_run, args=(arguments, environment, str(out), str(err)))
        process.start()
        process.join(seconds)
        status = process.exitcode
        if status is None:
            process.kill()
            process.join()
        process.close()
        if status is None:
            raise subprocess.TimeoutExpired(arguments, seconds, out.read_text(), err.read_text())
        return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())

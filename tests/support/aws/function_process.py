"""A function of the template in a process of its own, without the runtime that AWS puts around it.

It answers one event after the other; all that it writes goes to a log, as on AWS.
"""

import importlib
import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

from tests.support.aws.rest_events import Event
from tests.support.server.places import ROOT


class FunctionProcess(AbstractContextManager["FunctionProcess"]):
    """`handler` is its dotted name; events go in by the standard input, answers out by a pipe."""

    def __init__(self, environment: dict[str, str], log: Path, handler: str) -> None:
        """Start it, writing to `log`."""
        answers, write = os.pipe()
        paths = [str(ROOT), environment.get("PYTHONPATH", "")]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.aws.function_process", handler, str(write)],
                env=environment
                | {"GATEWAY_KEY_PREFIX": "gateway", "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(write,),
                text=True,
            )
        os.close(write)
        self._answers = os.fdopen(answers, encoding="utf-8")

    def invoke(self, event: Event) -> Event:
        """Send an event and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        answer: Event = json.loads(self._answers.readline())
        return answer

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.communicate(timeout=30)
        self._answers.close()


def _answer_all(handler: str, answers: int) -> None:
    module, _, name = handler.rpartition(".")
    answer = getattr(importlib.import_module(module), name)
    with os.fdopen(answers, "w", encoding="utf-8") as out:
        for number, line in enumerate(sys.stdin):
            context = SimpleNamespace(aws_request_id=f"request-{number}")
            print(json.dumps(answer(json.loads(line), context)), file=out, flush=True)


if __name__ == "__main__":
    _answer_all(sys.argv[1], int(sys.argv[2]))

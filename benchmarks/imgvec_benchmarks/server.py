"""A server of our own, as `imgvec serve` starts it; what a process uses, and when it is ready."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener


@dataclass(frozen=True, slots=True)
class Running:
    """A server process."""

    pid: int
    address: str


@contextmanager
def served(models: Path, encoder: str) -> Iterator[tuple[Running, str]]:
    """A server with this encoder that is ready, and a key for it."""
    command = [sys.executable, "-m", "imgvec", "serve", "--port", "0"]
    with tempfile.TemporaryDirectory() as data:
        environment = environment_of(Path(data), models, encoder)
        key = create_key(environment)
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            said = (re.search(r"answers on (\S+)", line) for line in process.stdout)
            address = next(filter(None, said))[1]
            # The pipe must be emptied, or a chatty server would block on it.
            reader = threading.Thread(target=list, args=(process.stdout,), daemon=True)
            reader.start()
            try:
                wait_until_ready(address)
                yield Running(process.pid, address), key
            finally:
                process.terminate()
                reader.join()


def environment_of(data: Path, models: Path, encoder: str) -> dict[str, str]:
    """This process's environment with the settings of a server."""
    settings = {"DATA": str(data), "MODELS": str(models), "ENCODERS": encoder}
    return {**os.environ, **{f"IMGVEC_{name}": value for name, value in settings.items()}}


def create_key(environment: Mapping[str, str]) -> str:
    """Make a key with the command line."""
    command = [sys.executable, "-m", "imgvec", "keys", "create", "bench", "--json"]
    made = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    key: str = json.loads(made.stdout)["key"]
    return key


def wait_until_ready(address: str) -> None:
    """Ask until a real inference has passed."""
    client = build_opener(ProxyHandler({}))
    while True:
        try:
            client.open(f"{address}/ready").close()
        except HTTPError:
            time.sleep(0.01)
        else:
            return


def resident(process: int, line: str = "VmRSS") -> float:
    """Resident memory of a process in MB: now, or with `VmHWM` at most until now."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"{line}:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else float("nan")


def cpu_seconds(process: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

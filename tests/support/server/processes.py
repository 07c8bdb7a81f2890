"""What a server process uses, and when it is ready."""

import os
import re
import time
from pathlib import Path

import httpx2


def resident(process: int, line: str = "VmRSS") -> float:
    """Resident memory of a process in MB: now, or with `VmHWM` at most until now."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"{line}:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else float("nan")


def cpu_seconds(process: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until_ready(address: str) -> None:
    """Ask until a real inference has passed."""
    while httpx2.get(f"{address}/ready", trust_env=False).status_code != 200:
        time.sleep(0.01)

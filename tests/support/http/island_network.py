"""A whole internet on one machine.

In a network namespace of its own, every address there is, public or private, leads to this
machine; the name servers and the hosts file are the test's. So the product runs as it is, ports 80
and 443 and all, and whatever it dials is seen. Linux only; needs no root where the kernel lets
users have namespaces.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.support.server.places import ROOT

NAME_SERVER: Final = "127.0.0.53"
NOWHERE: Final = "93.184.217.0/24"
"""Public addresses that nothing can reach."""
_ATTEMPTS: Final = (("--user", "--map-root-user"), ())
"""As a user, and as root where users may have no namespaces."""


class NoIsland(Exception):
    """This machine lets nobody have a network of his own."""


def run_on_island(module: str, *arguments: str) -> str:
    """Run a module of the tests there; gives what it printed.

    Raises:
        NoIsland: there is none on this machine.
    """
    done = subprocess.run(
        [*_command(), sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@functools.cache
def _command() -> tuple[str, ...]:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        raise NoIsland("it needs unshare and ip (util-linux, iproute2)")
    for attempt in _ATTEMPTS:
        command = ("unshare", *attempt, "--net", "--mount")
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    raise NoIsland("this machine lets nobody have a network namespace")


def settle(folder: Path, hosts: str, search: str) -> None:
    """In the namespace: make every address local, and these the hosts file and search domain."""
    for command in (
        "ip link set lo up",
        "ip route add local 0.0.0.0/0 dev lo",
        "ip -6 route add local ::/0 dev lo",
        f"ip route add unreachable {NOWHERE} table local",
    ):
        subprocess.run(command.split(), check=True)
    for name, text in (
        ("resolv.conf", f"nameserver {NAME_SERVER}\nsearch {search}\n"),
        ("hosts", hosts),
    ):
        file = folder / name
        file.write_text(text)
        subprocess.run(["mount", "--bind", file, f"/etc/{name}"], check=True)

"""These tests run in the environment that has the vector stores (`make test-recipes`)."""

import os
import subprocess
import sys
from typing import Final

from tests.support.server.places import ROOT

NOWHERE: Final = "http://127.0.0.1:9"
"""A proxy that nobody listens at: a recipe that asks for anything on the internet fails."""


def run_recipe(script: str, *arguments: str) -> str:
    """Run a script of `examples/` as a reader does; gives what it printed."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
    local = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), *arguments],
        env={**os.environ, **proxies, **local},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

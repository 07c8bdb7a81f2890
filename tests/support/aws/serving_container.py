"""The serving image as SageMaker runs it, where `TEST_SERVING_IMAGE` names one and an engine runs.

`TEST_SERVING_MODELS` is the folder that its encoders were copied from.

Stricter than SageMaker: its files cannot be written, it may do nothing that root may, and its
network leads to this machine alone.
"""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.support.server.places import Running, start_process

CONFINED: Final = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
PORT: Final = 8080


def serving_image() -> str:
    """The image's name; skips loudly where there is none."""
    if "TEST_SERVING_IMAGE" not in os.environ:
        pytest.skip("NOT TESTED IN A CONTAINER: `make test-endpoint-container` builds the image")
    return os.environ["TEST_SERVING_IMAGE"]


def serving_models() -> Path:
    """The folder with the encoders of the image: a CLIP of random weights, and the starter."""
    serving_image()
    return Path(os.environ["TEST_SERVING_MODELS"])


def docker(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command of the engine's to its end, whatever that is."""
    return subprocess.run(
        ["docker", *arguments], input=data, capture_output=True, timeout=60, check=False
    )


def run_command(name: str, *options: str, **settings: str) -> list[str]:
    """The command that runs the image with these settings, under a name; SageMaker says `serve`."""
    told = [f"--env={setting}={value}" for setting, value in settings.items()]
    return [
        *("docker", "run", "--rm", "--name", name),
        *(*CONFINED, *told, *options, serving_image(), "serve"),
    ]


def start_named(name: str, *options: str, **settings: str) -> Running:
    """Start the image with these settings under a name, and wait for its address."""
    running = start_process(dict(os.environ), *run_command(name, *options, **settings))
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = docker("inspect", name, "--format", template).stdout.decode().strip()
    return replace(running, address=f"http://{address}:{PORT}")


def start_container(environment: dict[str, str]) -> Running:
    """Start the image with those of its encoders that are named; wait for its address."""
    settings = {
        name: value
        for name, value in environment.items()
        if name == "IMGVEC_ENCODERS" or name.startswith("IMGVEC_BATCH")
    }
    return start_named(f"serving-{uuid4().hex[:8]}", **settings)

"""`imgvec models pull` as processes: killed, interrupted, side by side, on a full disk."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgvec_models.hub.recipe import Recipe, write_recipe
from tests.support.models.local_hub import Fault, LocalHub, hub_path
from tests.support.server.places import imgvec

IMAGE = hub_path("image")
PULL = [sys.executable, "-m", "imgvec", "models", "pull", "small-clip"]
SIZE, SMALL = 25_000_000, 15_000_000
"""Bytes of the image tower, and fewer; the client writes in pieces of 10 MiB."""


@pytest.fixture(autouse=True)
def large(hub: LocalHub) -> None:
    """An image tower of several pieces."""
    hub.files[IMAGE] = random.Random(0).randbytes(SIZE)


@pytest.fixture
def models(recipe: Recipe, tmp_path: Path) -> Path:
    """A models folder with the recipe in it."""
    write_recipe(recipe, tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def environment(models: Path, hub: LocalHub) -> dict[str, str]:
    """Where a pull finds the folder and the hub."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("IMGVEC_")}
    return {**own, "IMGVEC_MODELS": str(models), "IMGVEC_HUB": hub.address}


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        PULL,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that runs in the background hands down that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def verified(environment: dict[str, str]) -> str:
    """What `imgvec models verify` says of the pulled image tower."""
    done = imgvec("models", "verify", "small-clip", environment=environment)
    return next(line for line in done.stdout.splitlines() if "image.onnx" in line)


def served(environment: dict[str, str]) -> str:
    """How a server ends that is to serve the encoder."""
    done = imgvec("serve", environment={**environment, "IMGVEC_ENCODERS": "small-clip"})
    assert done.returncode == 2
    return done.stderr


def test_a_pull_says_what_it_has(environment: dict[str, str], recipe: Recipe) -> None:
    done = run(*PULL, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == (
        f"image.onnx          25.0 MB  {recipe.files['image'].sha256}  as pinned"
    )
    assert verified(environment) == "small-clip, pulled image.onnx: as it should be"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_pull_that_is_ended_leaves_nothing_that_verifies(
    environment: dict[str, str], models: Path, hub: LocalHub, number: signal.Signals
) -> None:
    hub.faults[IMAGE] = Fault(hold=SMALL)
    pull = start(environment)
    assert hub.held.wait(30)
    folder = models / "pulled" / "small-clip"
    while not any(path.stat().st_size > 10_000_000 for path in folder.glob("*.partial")):
        assert pull.poll() is None
    pull.send_signal(number)
    _, told = pull.communicate(timeout=30)
    hub.go_on.set()
    if number == signal.SIGINT:
        assert told == (
            "imgvec: someone/small-clip/onnx/vision.onnx was interrupted: "
            "run it again, it goes on where it stopped\n"
        )
    assert "image.onnx is missing or unreadable" in verified(environment)
    assert "IMGVEC_ENCODERS names small-clip, which is not in" in served(environment)

    del hub.faults[IMAGE]
    assert run(*PULL, environment=environment).returncode == 0
    assert hub.asked[1] == (IMAGE, f"bytes={_start(hub)}-")
    assert _start(hub) == 10 << 20
    assert verified(environment).endswith(": as it should be")


def _start(hub: LocalHub) -> int:
    """Where the second request began."""
    asked = hub.asked[1][1]
    assert asked is not None
    return int(asked.removeprefix("bytes=").removesuffix("-"))


def test_pulls_of_one_model_wait_for_one_another(
    environment: dict[str, str], hub: LocalHub
) -> None:
    hub.faults[IMAGE] = Fault(hold=SMALL)
    first = start(environment)
    assert hub.held.wait(30)
    others = [start(environment) for _ in range(3)]
    for other in others:
        assert other.stderr is not None
        assert other.stderr.readline() == "Another pull of small-clip is running: waiting\n"
    hub.go_on.set()
    ends = [pull.communicate(timeout=60) for pull in (first, *others)]
    assert [pull.returncode for pull in (first, *others)] == [0, 0, 0, 0]
    assert len({stdout for stdout, _ in ends}) == 1
    assert [path for path, _ in hub.asked].count(IMAGE) == 1
    assert verified(environment).endswith(": as it should be")


def test_who_waits_goes_on_where_a_killed_pull_stopped(
    environment: dict[str, str], hub: LocalHub
) -> None:
    hub.faults[IMAGE] = Fault(hold=SMALL)
    first = start(environment)
    assert hub.held.wait(30)
    second = start(environment)
    assert second.stderr is not None
    assert second.stderr.readline().endswith("waiting\n")
    first.kill()
    first.communicate(timeout=30)
    hub.go_on.set()
    second.communicate(timeout=60)
    assert second.returncode == 0
    assert verified(environment).endswith(": as it should be")


def test_a_file_system_that_takes_no_more_is_told_and_what_arrived_is_kept(
    environment: dict[str, str], hub: LocalHub
) -> None:
    limit = f"import os, resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({SMALL}, {SMALL})); "
    limit += f"os.execv({sys.executable!r}, {PULL!r})"
    done = run(sys.executable, "-c", limit, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("imgvec: The disk is full at ")
    assert done.stderr.endswith(": make room and run it again, it goes on where it stopped\n")
    assert "image.onnx is missing or unreadable" in verified(environment)

    assert run(*PULL, environment=environment).returncode == 0
    assert _start(hub) > 0
    assert verified(environment).endswith(": as it should be")


def test_a_disk_that_is_really_full(
    environment: dict[str, str], models: Path, hub: LocalHub
) -> None:
    """A file system of two megabytes, in a mount namespace of its own."""
    namespace = ("unshare", "--map-root-user", "--mount")
    if run(*namespace, "true", environment=environment).returncode != 0:
        pytest.skip("this machine lets no process mount a file system of its own")
    (models / "pulled").mkdir()
    mount = f"mount -t tmpfs -o size=2m none {models / 'pulled'} && exec {' '.join(PULL)}"
    done = run(*namespace, "sh", "-c", mount, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("imgvec: The disk is full at ")
    assert "make room and run it again" in done.stderr


def test_a_mirror_in_the_hub_s_own_variable_is_used(
    environment: dict[str, str], hub: LocalHub
) -> None:
    environment["HF_ENDPOINT"] = environment.pop("IMGVEC_HUB")
    assert run(*PULL, environment=environment).returncode == 0
    assert len(hub.asked) == 3


def test_the_hub_hears_neither_a_token_nor_what_is_installed(
    environment: dict[str, str], hub: LocalHub
) -> None:
    environment["HF_TOKEN"] = "hf_secret"
    assert run(*PULL, environment=environment).returncode == 0
    assert "user-agent" in hub.told, "positive control"
    assert "authorization" not in hub.told
    assert not [words for words in hub.told if "onnx" in words or "telemetry" in words]


def test_xet_is_off(environment: dict[str, str]) -> None:
    """It neither resumes a transfer nor goes through a mirror."""
    code = "import imgvec_models.hub.pull, huggingface_hub.constants as c; "
    code += "assert c.HF_HUB_DISABLE_XET and c.HF_HUB_DISABLE_TELEMETRY"
    assert run(sys.executable, "-c", code, environment=environment).returncode == 0


def test_without_a_network_the_command_is_one_sentence(environment: dict[str, str]) -> None:
    environment["IMGVEC_HUB"] = "http://127.0.0.1:9"
    done = run(*PULL, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "imgvec: Cannot reach 127.0.0.1: connect to the internet, name a mirror in IMGVEC_HUB, "
        "or use --from FOLDER\n"
    )


def test_an_unknown_name_is_told_with_those_there_are(environment: dict[str, str]) -> None:
    done = run(*PULL[:-1], "nothing", environment=environment)
    assert done.returncode == 2
    assert "There is no recipe 'nothing'; there are: clip-vit-b32" in done.stderr
    assert "small-clip" in done.stderr


def test_without_the_build_tools_it_is_one_sentence(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """As in the image that serves, where `imgvec_models` and what it needs are left out."""
    (tmp_path / "filelock.py").write_text("raise ModuleNotFoundError(name='filelock')")
    environment["PYTHONPATH"] = str(tmp_path)
    done = run(*PULL, environment=environment)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: This needs filelock, which a server is installed without: "
        "pip install 'imgvec[models]'\n"
    )

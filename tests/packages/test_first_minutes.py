"""The first minutes of somebody who has the wheel: no clone, no network, an empty folder."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.packages.conftest import WHEELHOUSE, Distributions, Installed, install, run
from tests.support.server.places import CAT, ROOT

UVX = ROOT / ".cache" / "clients" / "bin" / "uvx"
OFFLINE = os.environ.get("TEST_OFFLINE") == "yes"


@contextmanager
def served(user: Installed, *command: str | Path) -> Iterator[tuple[str, Path]]:
    """A server's address, and the file of what it writes."""
    log = user.folder.with_suffix(".log")
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, cwd=user.folder, env=user.variables, stderr=stderr) as process,
    ):
        try:
            deadline = time.monotonic() + 60
            while (said := re.search(r"answers on (\S+)\n", log.read_text())) is None:
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
            yield said[1], log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    assert process.returncode == 0, log.read_text()


def first_vector(address: str, key: str) -> list[float]:
    """The vector of the photo, in CoreViz's dialect."""
    image = "data:image/jpeg;base64," + base64.b64encode(CAT.read_bytes()).decode()
    request = urllib.request.Request(
        f"{address}/api/ai/embeddings",
        json.dumps({"image": image}).encode(),
        {"x-api-key": key, "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        vector: list[float] = json.load(answer)["embedding"]
    return vector


def test_nothing_is_reached_but_this_machine() -> None:
    if not OFFLINE:
        pytest.skip("NOT RUN: no network namespace can be made here")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attempt, pytest.raises(OSError):
        attempt.connect(("192.0.2.1", 53))


def test_embed(installed: Installed) -> None:
    done = installed.imgvec("embed", "my photo.jpg")
    assert (done.returncode, done.stderr) == (0, "1 embedded, 0 failed, of 1\n")
    assert len(json.loads(done.stdout)["embedding"]) in (512, 768, 1024)


def test_serve_says_how_to_make_a_key_and_answers_with_it(installed: Installed) -> None:
    begun = time.monotonic()
    with served(installed, installed.command, "serve", "--port", "0") as (address, log):
        key = installed.imgvec("keys", "create", "me").stdout.strip()
        vector = first_vector(address, key)
        assert "`imgvec keys create NAME`" in log.read_text()
    print(
        f"\n`imgvec serve` to the first vector, with a key made: {time.monotonic() - begun:.1f} s"
    )
    assert abs(sum(value * value for value in vector) - 1) < 1e-5
    with served(installed, installed.command, "serve", "--port", "0") as (address, _):
        assert first_vector(address, key) == vector


def test_search(installed: Installed) -> None:
    shutil.copy(CAT, installed.folder / "copy.jpg")
    indexed = installed.imgvec("index", ".")
    assert indexed.returncode == 0, indexed.stderr
    found = installed.imgvec("search", "a photo of a cat", "--json").stdout.splitlines()
    assert {Path(json.loads(line)["path"]).name for line in found} == {"my photo.jpg", "copy.jpg"}
    assert "my photo.jpg" in installed.imgvec("duplicates", ".", "--json").stdout


def test_python(installed: Installed) -> None:
    script = "from imgvec import Encoder; print(Encoder().images(['my photo.jpg']).shape)"
    python = installed.environment / "bin" / "python"
    done = run(python, "-c", script, cwd=installed.folder, env=installed.variables)
    assert done.stdout.strip() in ("(1, 512)", "(1, 768)", "(1, 1024)")


def test_uvx(installed: Installed, distributions: Distributions, tmp_path: Path) -> None:
    links = ("--find-links", distributions.wheel.parent, "--find-links", WHEELHOUSE)
    uvx = (UVX, "--no-config", "--offline", "--no-index", *links, "--cache-dir", tmp_path)
    with served(installed, *uvx, "imgvec", "serve", "--port", "0") as (address, _):
        key = installed.imgvec("keys", "create", "uvx").stdout.strip()
        assert first_vector(address, key)


def test_a_command_that_needs_an_extra_names_it(installed: Installed) -> None:
    built = installed.imgvec("models", "build", "clip-vit-b32")
    assert built.returncode != 0
    assert "pip install 'imgvec[models]'" in built.stderr
    assert installed.imgvec("models", "list").returncode == 0


def test_a_type_checker_reads_the_types(installed: Installed) -> None:
    script = "from imgvec.settings import load_settings\nreveal_type(load_settings())\n"
    (installed.folder / "typed.py").write_text(script)
    mypy = (ROOT / ".venv" / "bin" / "mypy", "--config-file", os.devnull, "--python-executable")
    done = run(
        *mypy, installed.environment / "bin" / "python", "typed.py",
        cwd=installed.folder, env=installed.variables,
    )  # fmt: skip
    assert 'Revealed type is "imgvec.settings.Settings"' in done.stdout


@pytest.mark.parametrize("extra", ["", "[heic]", "[models]"])
def test_sizes(
    installed: Installed, distributions: Distributions, tmp_path: Path, extra: str
) -> None:
    user = install(distributions, extra, tmp_path) if extra else installed
    (packages,) = (user.environment / "lib").glob("python3*/site-packages")
    sizes = {
        folder: sum(path.stat().st_size for path in (packages / folder).rglob("*.*"))
        for folder in ("", "pip", "imgvec", "onnxruntime")
    }
    whole = sizes.pop("") - sizes.pop("pip")
    parts = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in sizes.items())
    print(f"\npip install 'imgvec{extra}': {whole / 1e6:.0f} MB ({parts})")
    checked = run(user.environment / "bin" / "pip", "check", cwd=tmp_path, env=user.variables)
    assert re.search("No broken requirements", checked.stdout)

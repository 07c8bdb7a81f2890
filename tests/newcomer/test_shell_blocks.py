"""The shell and Python blocks of README and docs, run as written, in a clone without a set-up.

A page's blocks run in order, in a terminal with the lines that `make run` prints and nothing else.
A comment before a block, which readers do not see, says why it is not run.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.server.places import ROOT
from tests.unit.cli.said import set_up_in

PORT = 8000
"""README's commands ask there."""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WHOLE_PAGE = re.compile(r"^<!-- no block of this page is run: (.+) -->$", re.M)
BLOCK = re.compile(r"(?:^<!-- not run: ([^\n]+) -->\n)?^```(sh|python)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A block that a reader would paste."""

    place: str
    text: str
    reason: str | None
    """Why it is not run, where the page says so."""


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text()
    none = WHOLE_PAGE.search(text)
    blocks = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start(3))
        reason = none[1] if none else match[1]
        pasted = match[3] if match[2] == "sh" else f"python - <<'END'\n{match[3]}END\n"
        blocks.append(Block(f"{page.relative_to(ROOT)}:{line}", pasted, reason))
    return blocks


FIRST, *BLOCKS = [block for page in PAGES for block in blocks_of(page)]
RUN = sorted({block.place.partition(":")[0] for block in BLOCKS if block.reason is None})


@dataclass
class Newcomer:
    """Somebody with a clone in which `make run` is running."""

    folder: Path
    environment: dict[str, str]
    welcome: str
    begun: float
    """When the clone was about to be made, in seconds."""

    def paste(self, blocks: list[Block]) -> str:
        """Paste blocks into another terminal, until one fails; gives what it showed."""
        script = set_up_in(self.welcome) + "".join(
            f"echo '== {block.place}'\n{block.text}" for block in blocks
        )
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd="/",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


def clone(folder: Path) -> None:
    """Copy the files that git knows or would add, as they are now: a clone has the same."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def bare_environment(data: Path) -> dict[str, str]:
    """This process's environment without all that tests and `make` have put into it."""
    ours = ("COVERAGE", "IMGVEC_", "MAKE", "MFLAGS", "PYTEST", "PYTHONPATH", "VIRTUAL_ENV", "KEY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    caches = {"XDG_CACHE_HOME": str(data / "cache"), "PIP_CACHE_DIR": str(data / "cache" / "pip")}
    here = str(Path(sys.prefix, "bin"))
    path = [folder for folder in kept["PATH"].split(os.pathsep) if folder != here]
    own = {"PATH": os.pathsep.join(path), "XDG_DATA_HOME": str(data / "data"), "NO_PROXY": "*"}
    return {**kept, **caches, **own}


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Paste README's first block, and wait until the server answers."""
    with socket.socket() as attempt:
        if attempt.connect_ex(("127.0.0.1", PORT)) == 0:
            pytest.fail(f"README's commands ask at port {PORT}, which is taken: free it first")
    folder = tmp_path_factory.mktemp("newcomer") / "a clone"
    begun = time.monotonic()
    clone(folder)
    environment = bare_environment(folder.parent / "user-data")
    with subprocess.Popen(
        ["bash", "-c", FIRST.text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        printed = ""
        while "answers on " not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line
        # The pipe must be emptied, or the server would block on it.
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        reader.start()
        try:
            yield Newcomer(folder, environment, printed, begun)
        finally:
            # As Ctrl-C does: the whole foreground job.
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=30)
            reader.join()


def test_readme_begins_with_the_server() -> None:
    assert FIRST.text == "make run\n"
    assert {"README.md", "docs/quickstart.md", "docs/how-to/metering.md"} <= set(RUN)


def test_a_mac_takes_the_blocks_too() -> None:
    # Its shell, zsh, takes a comment at the prompt for more words of the command.
    for block in [FIRST, *BLOCKS]:
        typed = re.sub(r"<<'END'\n.*?^END$", "", block.text, flags=re.M | re.S)
        assert block.reason is not None or "#" not in typed, block.place


def test_the_first_vector_comes_at_once(
    newcomer: Newcomer, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = newcomer.paste(BLOCKS[:1])
    seconds = time.monotonic() - newcomer.begun
    assert '{"status":200,"embedding":[' in shown
    with capsys.disabled():
        print(f"\nfirst vector {seconds:.0f} s after the clone, with empty caches")


@pytest.mark.parametrize("page", RUN)
def test_blocks_work_as_pasted(newcomer: Newcomer, page: str) -> None:
    mine = [block for block in BLOCKS if block.place.startswith(f"{page}:")]
    shown = newcomer.paste([block for block in mine if block.reason is None])
    # `curl` succeeds with an error of ours, too.
    assert not re.search(r'"(status|code)":[45]', shown), shown
    if page == "README.md":
        assert '{"status":200,"embedding":[' in shown


def test_all_of_it_lies_in_the_clone(newcomer: Newcomer) -> None:
    assert (newcomer.folder / ".imgvec" / "imgvec.sqlite3").is_file()
    assert not Path(newcomer.environment["XDG_DATA_HOME"]).exists()

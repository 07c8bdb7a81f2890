"""From OpenAI's archive to ONNX towers, in a process of its own that has no network.

Where the kernel allows it, that process lives in an empty network namespace (`unshare`). It also
refuses by an audit hook to open a socket or to start a program, wherever it lives.
"""

import asyncio
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from imgvec.errors import ModelError
from imgvec_models.hub.archive import read_tensors
from imgvec_models.hub.openai import write_towers
from imgvec_models.hub.recipe import Recipe

NAMESPACE: Final = ("unshare", "--map-root-user", "--net")
REFUSED: Final = (
    "socket.",
    "subprocess.Popen",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
)
UNPINNED: Final = "unpinned"
REFUSES: Final = 3
"""How the process ends that has a sentence to tell."""


def export(recipe: Recipe, folder: Path) -> None:
    """Write `image.onnx` and `text.onnx` of the archive that lies in `folder`.

    Raises:
        ModelError: the archive is not the recipe's, or not of CLIP's tensors; one sentence.
    """
    archive = folder / recipe.local_path("archive")
    expected = recipe.files["archive"].sha256 or UNPINNED
    command = [sys.executable, "-P", "-m", __name__, str(archive), expected, str(folder)]
    status, told = asyncio.run(_run([*NAMESPACE, *command] if namespaces() else command))
    if status == REFUSES:
        raise ModelError(told.strip())
    if status != 0:
        raise ModelError(f"{archive} could not be read: the process that read it failed")


def namespaces() -> bool:
    """Whether a process may be put into an empty network namespace here."""
    try:
        return asyncio.run(_run([*NAMESPACE, "true"]))[0] == 0
    except OSError:
        return False


async def _run(command: Sequence[str]) -> tuple[int, str]:
    """The exit status of a command, and what it wrote to standard error."""
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, told = await process.communicate()
    return process.returncode or 0, told.decode(errors="replace")


def shut_off() -> None:
    """Refuse sockets and programs to this process from now on; there is no way back."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(REFUSED):
        raise ModelError(f"Reading an archive must not use {event}")


def _export(archive: Path, expected: str, folder: Path) -> None:
    """What the process does: the digest first, then the tensors of the very bytes it was of."""
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if expected not in (digest, UNPINNED):
            raise ModelError(f"{archive} has the wrong SHA-256: it is not opened")
        stream.seek(0)
        write_towers(read_tensors(stream), folder)


def main() -> None:
    """Run as `python -m`, by `export` only."""
    shut_off()
    try:
        _export(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    except ModelError as problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(REFUSES)


if __name__ == "__main__":
    main()

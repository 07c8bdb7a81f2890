"""Pillow's own test images, from its source archive: fetched by name, kept in `.cache`."""

import subprocess
import sys
import tarfile
from pathlib import PurePosixPath

import PIL
from filelock import FileLock

from tests.support.server.places import ROOT

CACHE = ROOT / ".cache" / "pillow"
SECONDS = 180


class NoArchive(Exception):
    """The archive is not here and cannot be fetched."""


def pillow_images() -> dict[str, bytes]:
    """The images of Pillow's tests, fuzzers' finds among them, by path below `Tests/images`.

    Raises:
        NoArchive: it is neither cached nor to be had; the sentence says why.
    """
    archive = CACHE / f"pillow-{PIL.__version__}.tar.gz"
    with FileLock(CACHE / ".lock"):
        if not archive.exists():
            _fetch()
    if not archive.exists():
        raise NoArchive(f"no {archive.name} in what the package index gave")
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            path = PurePosixPath(member.name)
            content = opened.extractfile(member) if "/Tests/images/" in member.name else None
            if content is not None:
                found["/".join(path.parts[3:])] = content.read()
    return found


def _fetch() -> None:
    wanted = [f"pillow=={PIL.__version__}", "--no-deps", "--no-binary", "pillow"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *wanted, "--dest", str(CACHE)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NoArchive(f"the package index gave nothing in {SECONDS} s") from None
    if done.returncode:
        raise NoArchive("pip could not download it; is there a network?")

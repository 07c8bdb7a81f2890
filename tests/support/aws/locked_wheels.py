"""Writes `requirements/wheels.sha256`: which wheels of the images' lock AWS's base images get.

`make wheels` runs it, for both architectures. Amazon Linux 2023 has glibc 2.34, so no newer wheel
is taken; where there is none for an architecture, this ends with pip's own words.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from subset import subset
from tests.support.server.places import ROOT

TARGET: Final = ROOT / "requirements" / "wheels.sha256"
LOCK: Final = (ROOT / "layers" / "core" / "requirements.txt").read_text()
LOCKS: Final = {artifact: subset(LOCK, artifact) for artifact in ("bulk", "layer")}
ARCHITECTURES: Final = ("x86_64", "aarch64")
NEWEST_GLIBC_MINOR: Final = 34
GLIBC_MINORS: Final = (NEWEST_GLIBC_MINOR, 31, 28, 27, 26, 24, 17)
"""Those that wheels are tagged with, at or below it."""


def wheels_of(lock: Path, architecture: str) -> set[tuple[str, str]]:
    """File name and SHA-256 of each wheel that pip chooses."""
    tags = [f"manylinux_2_{minor}_{architecture}" for minor in GLIBC_MINORS]
    platforms = [f"--platform={tag}" for tag in (*tags, f"manylinux2014_{architecture}")]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-"),
            *("--ignore-installed", "--ignore-requires-python", "--no-deps", "--require-hashes"),
            *("--only-binary=:all:", "--implementation=cp", "--python-version=3.13"),
            *platforms,
            *("--target", "unused", "-r", lock),
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    chosen = [one["download_info"] for one in json.loads(done.stdout)["install"]]
    return {
        (one["url"].rpartition("/")[2], one["archive_info"]["hashes"]["sha256"]) for one in chosen
    }


def main() -> None:
    """Write the list anew."""
    wheels = set[tuple[str, str]]()
    with tempfile.TemporaryDirectory() as folder:
        for artifact, text in LOCKS.items():
            lock = Path(folder, artifact)
            lock.write_text(text)
            for architecture in ARCHITECTURES:
                wheels |= wheels_of(lock, architecture)
    TARGET.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(wheels)))


if __name__ == "__main__":
    main()

"""`python -m imgvec.encoders.bake FOLDER`: what an image's build does with its encoder."""

import sys
from pathlib import Path

from imgvec.encoders.integrity import RECORD, read_manifest, verify, write_record
from imgvec.errors import ModelError


def bake(folder: Path) -> None:
    """Compare every file of the encoder with its manifest by SHA-256, and record that it agrees.

    Raises:
        ModelError: a file is missing or altered; the sentence names it and the fix.
    """
    (folder / RECORD).unlink(missing_ok=True)
    manifest = read_manifest(folder)
    verify(manifest, folder)
    write_record(folder, {file.path: file.sha256 for file in manifest.files.every})


def main() -> None:
    """Bake the folder that is named; what is wrong with it ends the build with a sentence."""
    try:
        bake(Path(sys.argv[1]))
    except ModelError as problem:
        sys.exit(f"imgvec: {problem}")


if __name__ == "__main__":
    main()

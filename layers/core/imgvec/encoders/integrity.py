"""An encoder's files are compared with its manifest before anything of them is used.

An image's build does so with `python -m imgvec.encoders.integrity FOLDER`, and leaves a record.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from imgvec.encoders.manifest import File, GraphFile, Manifest, wrong_fields
from imgvec.errors import ModelError

RECORD: Final = "verified.json"
_DIGESTS: Final = TypeAdapter(dict[str, str])


def read_record(folder: Path) -> dict[str, str] | None:
    """SHA-256 by path as the build computed them; None where there is no record.

    Raises:
        ModelError: the record cannot be read.
    """
    path = folder / RECORD
    try:
        return _DIGESTS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise ModelError(f"{path} cannot be read: build the image again") from None


def write_record(folder: Path, digests: dict[str, str]) -> None:
    """Record the digests, by path, that were just computed."""
    (folder / RECORD).write_bytes(_DIGESTS.dump_json(digests, indent=1))


MANIFEST: Final = "manifest.json"
SHIPPED: Final = "starter"
"""The encoder that comes with imgvec; any other was built on a machine of the operator's."""
SHIPPED_TERMS: Final = (
    "starter is for trying imgvec out: some of its training data is for research and education "
    "only. A service needs another encoder, such as CLIP"
)
"""README, `imgvec serve` and `make deploy` say it."""


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the encoder in `folder`.

    Raises:
        ModelError: it is missing or broken; the sentence names the file, the fields and the fix.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except OSError:
        raise ModelError(f"{path} is missing or unreadable: {_restore(folder, path)}") from None
    except ValidationError as problem:
        wrong = wrong_fields(problem)
        raise ModelError(f"{path} is broken ({wrong}): {_restore(folder, path)}") from None
    if manifest.name != folder.name:
        raise ModelError(f"{path} is for {manifest.name}: rename its folder to {manifest.name}")
    return manifest


def verify(manifest: Manifest, folder: Path) -> None:
    """Compare every served file in `folder` with the manifest, by size and SHA-256.

    Raises:
        ModelError: a file is missing or altered; the sentence names it and the fix.
    """
    for file in manifest.files.every:
        verify_file(folder, file)


def verify_file(folder: Path, file: File) -> None:
    """Compare one served file with its entry in the manifest, reading it in pieces.

    Raises:
        ModelError: the file is missing or altered; the sentence names it and the fix.
    """
    recorded = read_record(folder)
    with _opened(folder, file) as stream:
        if recorded is None:
            _compare(folder, file, hashlib.file_digest(stream, "sha256").hexdigest())
        else:
            _compare(folder, file, recorded.get(file.path))


def verified_graph(folder: Path, file: GraphFile) -> bytes | Path:
    """A served graph as ONNX Runtime is to open it: the bytes that were verified, or its path.

    An image does not change under its record. There the runtime maps a graph that holds its weights
    by itself, which takes half the time and spares a copy. Weights of their own it maps everywhere;
    they are verified once it has (`verify_weights`), and here only that they could be.

    Raises:
        ModelError: a file is missing or altered; the sentence names it and the fix.
    """
    if file.weights is not None:
        with _opened(folder, file.weights):
            return read_verified(folder, file)
    if read_record(folder) is None:
        return read_verified(folder, file)
    verify_file(folder, file)
    return folder / file.path


def verify_weights(folder: Path, file: GraphFile) -> None:
    """Compare the weights of a graph that is open with the manifest.

    Behind the opening and not before it, so that no other file can have come in between: a build
    puts a new file in the place of an old one and changes none.

    Raises:
        ModelError: they are missing or altered; the sentence names the file and the fix.
    """
    if file.weights is not None:
        verify_file(folder, file.weights)


def read_verified(folder: Path, file: File) -> bytes:
    """The bytes of a served file: those that were verified, not what lies there a moment later.

    Raises:
        ModelError: the file is missing or altered; the sentence names it and the fix.
    """
    recorded = read_record(folder)
    with _opened(folder, file) as stream:
        data = stream.read()
    if recorded is None:
        _compare(folder, file, hashlib.sha256(data).hexdigest())
    else:
        _compare(folder, file, recorded.get(file.path))
    return data


@contextmanager
def _opened(folder: Path, file: File) -> Iterator[BufferedReader]:
    """Open a file of the size that it must have, so that a wrong one is never read whole."""
    path = folder / file.path
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size != file.size:
                raise ModelError(
                    f"{path} is altered ({size} bytes, the manifest says {file.size}): "
                    f"{_restore(folder, path)}"
                )
            yield stream
    except OSError:
        raise ModelError(f"{path} is missing or unreadable: {_restore(folder, path)}") from None


def _compare(folder: Path, file: File, digest: str | None) -> None:
    path = folder / file.path
    if digest != file.sha256:
        raise ModelError(
            f"{path} is altered (SHA-256 differs from the manifest): {_restore(folder, path)}"
        )


def _restore(folder: Path, path: Path) -> str:
    if folder.name == SHIPPED:
        return f"restore it with `git checkout -- {path}` or reinstall imgvec"
    return f"build it again with `imgvec models build {folder.name}`"


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

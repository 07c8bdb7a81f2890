"""The record that an image's build leaves in an encoder's folder: the digests that it verified.

Lambda loads an image piece by piece as it is read, and bills the start: hashing an encoder there
reads all of it, each time. An image does not change, so the digests are computed once, by its build
(`imgvec.encoders.bake`), and a start compares sizes and recorded digests. Nowhere else is a record
made; in a folder without one every start hashes.
"""

from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

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

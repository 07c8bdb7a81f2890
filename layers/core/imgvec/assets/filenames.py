"""File names that clients send: kept for display, never used as a path."""

import re
import unicodedata
from pathlib import PurePosixPath

LONGEST = 255
UNNAMED = "unnamed"

_SEPARATOR = re.compile(r"[/\\]")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: control, format (direction overrides), lone surrogates, line separators."""


def clean_filename(name: str) -> str:
    """Reduce a client's file name to one visible path component of at most 255 characters.

    A longer name is cut at its beginning, so that it keeps its extension; an empty one becomes
    `unnamed`.
    """
    last = _SEPARATOR.split(name)[-1]
    visible = "".join(char for char in last if unicodedata.category(char) not in _INVISIBLE)
    cleaned = visible.strip()[-LONGEST:].strip()
    return UNNAMED if cleaned in {"", ".", ".."} else cleaned


def extension(filename: str) -> str:
    """The part after the last dot, in lower case; empty without a dot."""
    return PurePosixPath(filename).suffix.removeprefix(".").lower()

"""Random ids that cannot be guessed: of keys, assets and links."""

import secrets
import string
from typing import Final

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

LINK_ID: Final = "st_[0-9A-Za-z]{27}"
"""Regular expression of the ids that `link_id` returns."""


def base62(length: int) -> str:
    """Random characters of `BASE62`, each equally likely: 5.95 bits a character."""
    return "".join(secrets.choice(BASE62) for _ in range(length))


def memories_id() -> str:
    """An asset id of memories.ai's form: `re_` and 18 digits (59 bits)."""
    return "re_" + "".join(secrets.choice(string.digits) for _ in range(18))


def link_id() -> str:
    """An asset id for a public link; its 160 bits cannot be guessed."""
    return "st_" + base62(27)

"""The shape of a key: prefix, random part, checksum.

`imgvec_`, 27 random base62 characters (160 bits), then the CRC32 of all before it as 6 base62
characters, like GitHub's tokens. The checksum detects a mistyped key without a look-up and avoids
false alarms of secret scanners. It is no protection: the random part is.
"""

import hashlib
import re
import zlib
from typing import Final

from imgvec.ids import BASE62, base62

PREFIX: Final = "imgvec_"
RANDOM_LENGTH: Final = 27
CHECKSUM_LENGTH: Final = 6

KEY_PATTERN: Final = re.compile(r"\bimgvec_[0-9A-Za-z]{33}\b")
"""The pattern for secret scanners."""


def mint() -> str:
    """Make a new key. It is shown once; only its digest is ever stored."""
    body = PREFIX + base62(RANDOM_LENGTH)
    return body + _checksum(body)


def well_formed(key: str) -> bool:
    """Whether the form and the checksum are right; False for any single mistyped character."""
    if not KEY_PATTERN.fullmatch(key):
        return False
    return _checksum(key[:-CHECKSUM_LENGTH]) == key[-CHECKSUM_LENGTH:]


def digest(key: str) -> str:
    """SHA-256 of the key, 64 hex digits, under which the stores keep it."""
    return hashlib.sha256(key.encode()).hexdigest()


def _checksum(body: str) -> str:
    """CRC32 in base62, most significant digit first; 62**6 exceeds 2**32, so six digits do."""
    rest = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(BASE62))
        digits.append(BASE62[digit])
    return "".join(reversed(digits))

"""`X-Embedding-Revision` in a request: vectors of this revision, or none.

An index must hold vectors of one revision, as those of two do not compare. A client that sends the
revision of its index learns of another one before anything is computed or counted.
"""

import re
from typing import Final

from imgvec.errors import BadParameter, OtherRevision

SHOWN_DIGITS: Final = 12
"""Digits of a revision that responses send."""
MALFORMED: Final = "X-Embedding-Revision must be the 12 or all 64 hexadecimal digits of a revision"
_REVISION: Final = re.compile(rf"[0-9a-f]{{{SHOWN_DIGITS}}}(?:[0-9a-f]{{52}})?")


def check_revision(wanted: str | None, served: str) -> None:
    """Check that vectors of the revision `served` (64 hex digits) are wanted; None wants any.

    Raises:
        BadParameter: `wanted` is malformed.
        OtherRevision: it is another one; the sentence names the one that is served.
    """
    if wanted is None:
        return
    digits = wanted.strip().lower()
    if not _REVISION.fullmatch(digits):
        raise BadParameter(MALFORMED)
    if not served.startswith(digits):
        raise OtherRevision(
            f"The revision {served[:SHOWN_DIGITS]} is served, not the one in X-Embedding-Revision"
        )

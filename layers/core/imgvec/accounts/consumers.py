"""Consumers and their names."""

import re
from dataclasses import dataclass
from typing import Final

from imgvec.errors import ConsumerError

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer and the name of its plan; without a plan it has no limit."""

    name: str
    plan: str | None = None


def check_name(name: str, what: str) -> None:
    """Check the name of a consumer or a plan; `what` names the kind in the error.

    Raises:
        ConsumerError: it is not 1 to 64 characters of `A-Za-z0-9._-`.
    """
    if not _NAME.fullmatch(name):
        raise ConsumerError(
            f"A {what}'s name is 1 to 64 letters, digits, dots, hyphens and underscores."
        )

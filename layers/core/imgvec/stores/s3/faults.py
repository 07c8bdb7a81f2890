"""What S3 and its client say that is not an answer, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from imgvec.errors import StoreError, TooFast

ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
TAKEN: Final = frozenset({"412", "PreconditionFailed"})
AT_WORK: Final = frozenset({"409", "ConditionalRequestConflict"})
BUSY: Final = frozenset({"503", "RequestLimitExceeded", "ServiceUnavailable", "SlowDown"})


class AbsentError(Exception):
    """There is no such object."""


class TakenError(Exception):
    """There is such an object, and it was to be a new one."""


class AtWorkError(Exception):
    """Somebody else is about to write the same object."""


@contextmanager
def reported() -> Iterator[None]:
    """Say in our words what S3 says of a call.

    Raises:
        AbsentError, TakenError, AtWorkError: what the store itself has an answer to.
        TooFast: S3 asks to slow down.
        StoreError: anything else.
    """
    # Loaded with the client by now.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as problem:
        code = problem.response["Error"]["Code"]
        if code in ABSENT:
            raise AbsentError from None
        if code in TAKEN:
            raise TakenError from None
        if code in AT_WORK:
            raise AtWorkError from None
        if code in BUSY:
            raise TooFast from None
        raise StoreError(f"S3 refuses a request: {code}.") from problem
    except BotoCoreError as problem:
        raise StoreError(f"S3 cannot be reached: {type(problem).__name__}.") from problem

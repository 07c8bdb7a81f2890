"""Retries and error messages for calls to AWS's control plane."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from imgvec.errors import StackError

if TYPE_CHECKING:
    from botocore.config import Config

_FIXES: Final = {
    "LimitExceededException": "this region has all the API keys that it may have (10,000)",
    "TooManyRequestsException": "it is asked too often now (5 new keys a second): try again later",
    "ValidationError": "there is no such stack in this region and account",
}


def patient() -> "Config":
    """Client configuration with retries: the control plane allows a few calls a second."""
    from botocore.config import Config

    return Config(
        connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 8}
    )


@contextmanager
def reported(service: str) -> Iterator[None]:
    """Turn an AWS error into one sentence.

    Raises:
        StackError: AWS rejects a call or cannot be reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as problem:
        code = problem.response["Error"]["Code"]
        raise StackError(f"{service} refuses: {_FIXES.get(code, code)}.") from problem
    except BotoCoreError as problem:
        raise StackError(
            f"{service} cannot be asked ({type(problem).__name__}): see that "
            "AWS_DEFAULT_REGION is set and that `aws sts get-caller-identity` answers."
        ) from problem

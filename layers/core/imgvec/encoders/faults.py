"""What an endpoint's refusals mean: for the caller, for another try, for the circuit."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypedDict

from imgvec.encoders.circuit import UNREACHABLE
from imgvec.errors import InternalFault, NotReady, Overloaded, RequestError

WAKING_SECONDS: Final = 60
"""`Retry-After` while instances start, which takes minutes."""
REPLACED_SECONDS: Final = 10
"""`Retry-After` while another revision answers."""
STALE: Final = 409
"""What the serving container answers for a revision that it does not serve."""
FULL: Final = 503
"""What it answers with a full queue, and while it drains."""


@dataclass
class Fault(Exception):
    """A call that gave no answer."""

    error: RequestError
    reason: str
    """For the log: a code of AWS, or the kind of an exception."""
    again: bool = False
    """Whether another call may do better at once. Embedding changes nothing, so any may be
    repeated; but none that has used up its time, or that was told to come more slowly."""
    down: bool = False
    """Whether it speaks of the endpoint and not of this call."""


@contextmanager
def read_faults() -> Iterator[None]:
    """Turn what botocore raises into a `Fault`."""
    # Loaded with the client by now.
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,
        HTTPClientError,
        IncompleteReadError,
        ReadTimeoutError,
    )

    try:
        yield
    except ReadTimeoutError:
        slow = NotReady("The encoder took too long, try again shortly")
        raise Fault(slow, "ReadTimeoutError", down=True) from None
    except ClientError as problem:
        raise _told(problem.response) from None
    except (ConnectionError, HTTPClientError, IncompleteReadError) as problem:
        gone = NotReady(UNREACHABLE)
        raise Fault(gone, type(problem).__name__, again=True, down=True) from None
    except BotoCoreError as problem:
        # No credentials, no region: nothing that a caller could mend.
        raise Fault(InternalFault(), type(problem).__name__) from None


class Problem(TypedDict, total=False):
    """What is read of botocore's answer to a refused call."""

    Error: dict[str, str]
    ResponseMetadata: dict[str, object]
    OriginalStatusCode: int


def _told(problem: Problem) -> Fault:
    """What a status other than 200 means: of the container (424), else of SageMaker itself."""
    code, status = problem["Error"]["Code"], problem["ResponseMetadata"]["HTTPStatusCode"]
    if code == "ModelError":
        return _told_by_container(problem.get("OriginalStatusCode", 500))
    if code == "ModelNotReadyException" or _without_instances(problem):
        waking = NotReady("The encoder is starting, try again shortly", WAKING_SECONDS)
        return Fault(waking, code)
    if status == 429 or "Throttl" in code:
        return Fault(Overloaded(), code)
    if isinstance(status, int) and status >= 500:
        return Fault(NotReady(UNREACHABLE), code, again=True, down=True)
    # A wrong name, a missing permission: nothing that a caller could mend.
    return Fault(InternalFault(), code)


def _told_by_container(status: int) -> Fault:
    reason = f"the container answers {status}"
    if status == FULL:
        return Fault(Overloaded(), reason, again=True)
    if status == STALE:
        return replaced()
    # It may lie in the image; a container whose accelerator has died says so to SageMaker itself.
    return Fault(InternalFault(), reason)


def _without_instances(problem: Problem) -> bool:
    """An endpoint that has scaled to zero has no code of its own for it."""
    return "no capacity" in problem["Error"].get("Message", "")


def replaced() -> Fault:
    """Another revision answers than was asked for: one of the two is being deployed."""
    meanwhile = NotReady("The encoder is being replaced, try again shortly", REPLACED_SECONDS)
    return Fault(meanwhile, "the endpoint serves another revision", again=True)

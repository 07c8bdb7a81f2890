"""Errors of DynamoDB, turned into ours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from imgvec.errors import StoreError, TooFast
from imgvec.stores.dynamodb.notation import Written

THROTTLED: Final = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Codes of a request, or of a part of a transaction, that may succeed a moment later."""
CONFLICT: Final = "TransactionConflict"
_EXPECTED: Final = frozenset({"ConditionalCheckFailed", CONFLICT})


class ConditionFailedError(Exception):
    """A condition did not hold; the item as it was."""

    def __init__(self, item: Mapping[str, Written] | None, resent: bool) -> None:
        super().__init__()
        self.item = item
        self.resent = resent


class CanceledError(Exception):
    """A transaction was not made, for a reason by part."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__()
        self.codes = codes


@contextmanager
def reported() -> Iterator[None]:
    """Say in our words what DynamoDB says of a call.

    Raises:
        ConditionFailedError, CanceledError: what the table itself has an answer to.
        TooFast: DynamoDB throttles.
        StoreError: it rejects the call for another reason, or cannot be reached.
    """
    # Loaded with the client by now.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as problem:
        answer: Mapping[str, Any] = problem.response
        code = answer["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            resent = answer["ResponseMetadata"].get("RetryAttempts", 0) > 0
            raise ConditionFailedError(answer.get("Item"), resent) from None
        codes = [str(reason.get("Code")) for reason in answer.get("CancellationReasons", ())]
        if code in THROTTLED or not THROTTLED.isdisjoint(codes):
            raise TooFast from None
        if code == "TransactionCanceledException" and not _EXPECTED.isdisjoint(codes):
            raise CanceledError(codes) from None
        raise StoreError(f"DynamoDB rejects a request: {code}.") from problem
    except BotoCoreError as problem:
        raise StoreError(f"DynamoDB gives no answer: {type(problem).__name__}.") from problem

"""Invokes a SageMaker endpoint: the format of an invocation, one call, one retry, and each failure.

The format is shared with the serving container. Pixels travel decoded, `uint8 [size, size, 3]` at
the encoder's input size: 150 kB where a photo has megabytes, and the endpoint's few CPU cores feed
its GPU instead of decoding JPEG. Texts travel as JSON strings, since an empty text is valid. A
vector comes back as little-endian float32. Custom attributes beside the body name the encoder and
the dimensions.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from imgvec.errors import BadParameter, InternalFault, NotReady, Overloaded, RequestError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

PIXELS: Final = "application/octet-stream"
TEXT: Final = "application/json"
VECTOR: Final = "application/octet-stream"
HEADER: Final = "X-Amzn-SageMaker-Custom-Attributes"
"""The HTTP header in which SageMaker passes custom attributes on, in both directions."""

STALE: Final = 409
"""Status of the container's answer for a revision that it does not serve."""
FULL: Final = 503
"""Status of its answer while its queue is full, and while it drains."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """Custom attributes of a body: `revision=<64 hex digits>;count=<number>`."""

    revision: str
    """Revision of the encoder that is to make the vector, or has made it."""
    count: int
    """In a request the dimensions, in an answer the tokens that were read."""

    def __str__(self) -> str:
        """The header's value."""
        return f"revision={self.revision};count={self.count}"

    @classmethod
    def parse(cls, header: str) -> Self:
        """Parse the header's value.

        Raises:
            BadParameter: it has another form.
        """
        fields = dict(part.partition("=")[::2] for part in header.split(";"))
        try:
            return cls(fields["revision"], int(fields["count"]))
        except (KeyError, ValueError):
            raise BadParameter(f"{HEADER} must be revision=...;count=...") from None


WAKING_SECONDS: Final = 60
"""`Retry-After` while instances start, which takes minutes."""
REPLACED_SECONDS: Final = 10
"""`Retry-After` while the endpoint serves another revision."""
RETRY_SECONDS: Final = 0.05
"""Pause before the retry; by then a load balancer has seen that an instance drains."""
UNREACHABLE: Final = "The encoder cannot be reached, try again shortly"

log = logging.getLogger(__name__)


@dataclass
class Failure(Exception):
    """A call that returned no vector."""

    error: RequestError
    reason: str
    """For the log: a code of AWS, or the type of an exception."""
    retryable: bool = False
    """Whether a second call may succeed at once. Embedding has no side effects, so any call may be
    repeated; but none that has used up its time, or that was throttled."""


def make_client(timeout: float) -> "SageMakerRuntimeClient":
    """A client for the region and credentials of the environment, without retries of its own."""
    # Slow to import, and needed only where an endpoint encodes.
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=1,
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=64,
    )
    return boto3.client("sagemaker-runtime", config=config)


class Endpoint:
    """Invokes an endpoint. Calls are thread-safe.

    The longest call is two of `timeout` seconds and one for connecting, which leaves 10 s for
    fetching the image below the function's 28.
    """

    def __init__(self, name: str, component: str | None, timeout: float) -> None:
        """Make the client, once; no call is made yet."""
        self._client = make_client(timeout)
        self._target = {"EndpointName": name}
        if component is not None:
            self._target["InferenceComponentName"] = component

    def invoke(self, body: bytes, media_type: str, wanted: Attributes) -> tuple[bytes, int]:
        """The bytes of the vector, and the number of tokens that were read.

        Raises:
            NotReady: the endpoint wakes, is being replaced, is down or too slow.
            Overloaded: SageMaker throttles, or the container's queue is full.
            InternalFault: it rejects the call, or failed.
        """
        try:
            return self._invoke_once(body, media_type, wanted)
        except Failure as failure:
            log.warning("endpoint: %s", failure.reason)
            if not failure.retryable:
                raise failure.error from None
        time.sleep(RETRY_SECONDS)
        try:
            return self._invoke_once(body, media_type, wanted)
        except Failure as failure:
            log.warning("endpoint: %s", failure.reason)
            raise failure.error from None

    def _invoke_once(self, body: bytes, media_type: str, wanted: Attributes) -> tuple[bytes, int]:
        with _translated_errors():
            answer = self._client.invoke_endpoint(
                **self._target,
                Body=body,
                ContentType=media_type,
                Accept=VECTOR,
                CustomAttributes=str(wanted),
            )
            vector = answer["Body"].read()
        try:
            answered = Attributes.parse(answer.get("CustomAttributes", ""))
        except BadParameter:
            raise Failure(InternalFault(), "the answer names no revision") from None
        if answered.revision != wanted.revision:
            raise _replaced()
        return vector, answered.count


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Turn botocore's exceptions into a `Failure`."""
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
        raise Failure(slow, "ReadTimeoutError") from None
    except ClientError as problem:
        raise _failure_of(problem.response) from None
    except (ConnectionError, HTTPClientError, IncompleteReadError) as problem:
        raise Failure(NotReady(UNREACHABLE), type(problem).__name__, retryable=True) from None
    except BotoCoreError as problem:
        # No credentials, no region: the caller cannot mend that.
        raise Failure(InternalFault(), type(problem).__name__) from None


def _failure_of(answer: Mapping[str, Any]) -> Failure:
    """The failure that an error status means: of the container (424), else of SageMaker itself."""
    code, status = answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
    if code == "ModelError":
        return _failure_of_container(answer.get("OriginalStatusCode", 500))
    # An endpoint that has scaled to zero has no code of its own for it.
    asleep = "no capacity" in answer["Error"].get("Message", "")
    if code == "ModelNotReadyException" or asleep:
        return Failure(NotReady("The encoder is starting, try again shortly", WAKING_SECONDS), code)
    if status == 429 or "Throttl" in code:
        return Failure(Overloaded(), code)
    if status >= 500:
        return Failure(NotReady(UNREACHABLE), code, retryable=True)
    # A wrong name, a missing permission: the caller cannot mend that.
    return Failure(InternalFault(), code)


def _failure_of_container(status: int) -> Failure:
    reason = f"the container answers {status}"
    if status == FULL:
        return Failure(Overloaded(), reason, retryable=True)
    if status == STALE:
        return _replaced()
    # The image may be the cause; a container whose accelerator has died fails its health check.
    return Failure(InternalFault(), reason)


def _replaced() -> Failure:
    """The endpoint serves another revision than the request names: a deployment is under way."""
    meanwhile = NotReady("The encoder is being replaced, try again shortly", REPLACED_SECONDS)
    return Failure(meanwhile, "the endpoint serves another revision", retryable=True)

"""A SageMaker endpoint: one call, what may be tried again, and what each fault means."""

import logging
import time
from typing import Final, Protocol, TypedDict

from imgvec.encoders.circuit import Circuit
from imgvec.encoders.faults import Fault, read_faults, replaced
from imgvec.encoders.invocation import VECTOR, Attributes
from imgvec.errors import BadParameter, InternalFault

WAKING_SECONDS: Final = 60
"""`Retry-After` while instances start, which takes minutes."""
PAUSE_SECONDS: Final = 0.05
"""Between two calls; a load balancer has then seen that an instance drains."""

log = logging.getLogger(__name__)


class Stream(Protocol):
    """The body of an answer."""

    def read(self) -> bytes:
        """All of it."""


class Answer(TypedDict, total=False):
    """What is read of the runtime's answers."""

    Body: Stream
    CustomAttributes: str


class Client(Protocol):
    """The call that is made, with the arguments that SageMaker names."""

    def invoke_endpoint(self, **arguments: object) -> Answer:
        """InvokeEndpoint."""


def make_client(timeout: float) -> Client:
    """A client for the region and credentials of the environment; it tries nothing again itself."""
    # Slow to import, and not needed where no endpoint encodes.
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=1,
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=64,
    )
    client: Client = boto3.client("sagemaker-runtime", config=config)
    return client


class Endpoint:
    """Invokes an endpoint. Calls are thread-safe.

    The longest call is two of `timeout` seconds and one for connecting, which leaves 10 s for
    fetching the image below the function's 28.
    """

    def __init__(
        self, name: str, component: str | None, timeout: float, circuit: Circuit | None = None
    ) -> None:
        """Make the client, once; nothing is asked of the endpoint yet."""
        self._client = make_client(timeout)
        self._circuit = circuit or Circuit()
        self._target = {"EndpointName": name}
        if component is not None:
            self._target["InferenceComponentName"] = component

    def invoke(self, body: bytes, media_type: str, asked: Attributes) -> tuple[bytes, int]:
        """The bytes of the vector, and the count of the answer's attributes.

        Raises:
            NotReady: the endpoint wakes, is being replaced, is down or too slow.
            Overloaded: more is asked of it than it can do.
            InternalFault: it refuses the call, or failed.
        """
        try:
            return self._invoke_counted(body, media_type, asked)
        except Fault as fault:
            if not fault.again:
                raise fault.error from None
        time.sleep(PAUSE_SECONDS)
        try:
            return self._invoke_counted(body, media_type, asked)
        except Fault as fault:
            raise fault.error from None

    def _invoke_counted(self, body: bytes, media_type: str, asked: Attributes) -> tuple[bytes, int]:
        self._circuit.admit()
        try:
            answer = self._invoke_once(body, media_type, asked)
        except Fault as fault:
            log.warning("endpoint: %s", fault.reason)
            if fault.down:
                self._circuit.failed()
            raise
        self._circuit.succeeded()
        return answer

    def _invoke_once(self, body: bytes, media_type: str, asked: Attributes) -> tuple[bytes, int]:
        with read_faults():
            answer = self._client.invoke_endpoint(
                **self._target,
                Body=body,
                ContentType=media_type,
                Accept=VECTOR,
                CustomAttributes=str(asked),
            )
            vector = answer["Body"].read()
        try:
            answered = Attributes.parse(answer.get("CustomAttributes", ""))
        except BadParameter:
            raise Fault(InternalFault(), "the answer does not say what made it") from None
        if answered.revision != asked.revision:
            raise replaced()
        return vector, answered.count

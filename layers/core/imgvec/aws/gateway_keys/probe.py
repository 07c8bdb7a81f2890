"""Whether a gateway lets a consumer pass under its own name."""

from typing import Final

from imgvec.aws.gateway_keys.names import PROBE

TIMES: Final = 3
"""Passes in a row that count: a new key reaches the gateway's machines one after the other."""
TIMEOUTS: Final = {"connect": 5.0, "read": 15.0, "write": 5.0, "pool": 5.0}


class Probe:
    """Asks the deployed API itself: nothing else knows when a new key has reached the gateway."""

    def __init__(self, url: str) -> None:
        """`url` is the gateway's own address."""
        self._url = f"{url}/health"

    def __call__(self, consumer: str) -> bool:
        """Whether requests that are throttled as this consumer pass."""
        return all(self._passes(consumer) for _ in range(TIMES))

    def _passes(self, consumer: str) -> bool:
        # Slow to import, and needed by few commands.
        import httpcore2

        try:
            answer = httpcore2.request(
                "GET", self._url, headers={PROBE: consumer}, extensions={"timeout": TIMEOUTS}
            )
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException):
            return False
        return answer.status == 200

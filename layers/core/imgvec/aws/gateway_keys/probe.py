"""Probes whether the gateway accepts a consumer's name."""

from typing import Final

from imgvec.aws.gateway_keys.names import PROBE

TIMES: Final = 3
"""Successes in a row that count: a new key reaches the gateway's machines one by one."""
TIMEOUTS: Final = {"connect": 5.0, "read": 15.0, "write": 5.0, "pool": 5.0}


class Probe:
    """Sends requests to the deployed API: no other call shows that a new key is active."""

    def __init__(self, url: str) -> None:
        """`url` is the gateway's own URL."""
        self._url = f"{url}/health"

    def __call__(self, consumer: str) -> bool:
        """Whether requests under this consumer's name are accepted."""
        return all(self._passes(consumer) for _ in range(TIMES))

    def _passes(self, consumer: str) -> bool:
        # Imported here because it is slow, and few commands need it.
        import httpcore2

        try:
            answer = httpcore2.request(
                "GET", self._url, headers={PROBE: consumer}, extensions={"timeout": TIMEOUTS}
            )
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException):
            return False
        return answer.status == 200

"""Quotas of the platform, as AWS documents them for us-east-1 in November 2026."""

from dataclasses import dataclass
from typing import Final

GATEWAY_RATE: Final = 10_000.0
"""Requests a second of an account behind API Gateway."""
GATEWAY_BURST: Final = 5_000.0
NEW_ENVIRONMENTS: Final = 1_000.0
"""A function may start so many at once, and a tenth of them a second after."""
NEW_ENVIRONMENTS_A_SECOND: Final = 100.0
DEFAULT_CONCURRENCY: Final = 1_000
NEW_ACCOUNT_CONCURRENCY: Final = 10
TABLE_WRITES: Final = 4_000.0
"""Units a second that an on-demand table takes from its first second on."""
CONSUMER_IMAGES: Final = 500.0
"""A second: two writes an image, 1,000 units a partition."""
AUTHORIZER_SECONDS: Final = 0.002


@dataclass
class Bucket:
    """Tokens that fill up at `rate` a second to `depth`."""

    rate: float
    depth: float

    def __post_init__(self) -> None:
        """Begin full."""
        self._tokens, self._moment = self.depth, 0.0

    def take(self, moment: float) -> bool:
        """One token, if there is one at `moment`, in seconds."""
        filled = self._tokens + (moment - self._moment) * self.rate
        self._tokens, self._moment = min(self.depth, filled), moment
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

"""The throttle of a stage, as API Gateway documents it: a bucket of tokens."""

from dataclasses import dataclass


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

"""A store whose call fails when its time has come: before it has written, or after."""

from collections.abc import Callable
from dataclasses import dataclass, field

from imgvec.errors import StoreError, TooFast

FAULTS: dict[str, tuple[Exception, bool]] = {
    "is refused": (StoreError("DynamoDB rejects a request: AccessDenied."), False),
    "is throttled": (TooFast(), False),
    "gets no answer": (StoreError("DynamoDB gives no answer: ReadTimeoutError."), True),
}
"""How a call fails, and whether it has written all the same."""


@dataclass
class FailingOnce:
    """Passes every call on to a real store; one call of `method` fails in one of the ways."""

    store: object
    method: str
    fault: str
    calls_before: int = 0
    """Calls of the method that pass before one fails."""
    failed: bool = field(default=False, init=False)

    def __getattr__(self, name: str) -> Callable[..., object]:
        """The real store's method, or the one that fails."""
        method: Callable[..., object] = getattr(self.store, name)
        return self._failing(method) if name == self.method else method

    def _failing(self, method: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            if self.failed or self.calls_before > 0:
                self.calls_before -= 1
                return method(*arguments, **named)
            self.failed = True
            problem, written = FAULTS[self.fault]
            if written:
                method(*arguments, **named)
            raise problem

        return call

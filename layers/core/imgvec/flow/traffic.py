"""What is in the house, as the event loop counts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imgvec.errors import Overloaded


@dataclass(slots=True)
class Traffic:
    """Requests of the dialects, from their head to their answer."""

    most_bytes: int
    """What bodies, and images from elsewhere, may hold together."""
    requests: int = 0
    bytes: int = 0
    draining: bool = False
    """Whether the process is asked to stop: what has come is answered, what comes is refused."""

    def crowded(self, own: int) -> bool:
        """Whether one request with bytes of its `own` meets others, and all hold too much."""
        return 0 < own < self.bytes > self.most_bytes

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Hold what was fetched for a request.

        Raises:
            Overloaded: it is too much, with all that is held already.
        """
        self.bytes += size
        try:
            if self.crowded(size):
                raise Overloaded
            yield
        finally:
            self.bytes -= size

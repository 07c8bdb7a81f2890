"""What is in the house, as the event loop counts it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Traffic:
    """Requests of the dialects, from their head to their answer."""

    requests: int = 0
    bytes: int = 0
    """Of their bodies, as far as they have arrived."""
    draining: bool = False
    """Whether the process is asked to stop: what has come is answered, what comes is refused."""

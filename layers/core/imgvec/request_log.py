"""What is known of a request when it ends: for its log line, and for whoever makes metrics of it.

It never holds a key, an image, an address or a vector.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class UsageEvent:
    """What is known of one request; `outcome` is made up as it goes."""

    consumer: str
    dialect: str
    space: int
    revision: str
    images: int
    """Images, or texts: units of the request."""
    outcome: str = "failed"
    """`answered` and counted, `replayed` (counted before), `failed`, or the name of the refusal."""
    milliseconds: float = 0.0


@dataclass(slots=True)
class Record:
    """One request; each field is filled as soon as it is known."""

    request_id: str = ""
    method: str = ""
    route: str = ""
    """The route's template."""
    status: int = 0
    milliseconds: float = 0.0
    consumer: str = ""
    usage: UsageEvent | None = None
    """Where an embedding was asked for with a good key."""
    stages: dict[str, float] = field(default_factory=dict)
    """Milliseconds by stage: `admit`, `read`, `wait`, `decode`, `reserve`,
    `encode`, `settle`."""


_current: ContextVar[Record] = ContextVar("record")


def begin(request_id: str, method: str) -> Record:
    """Start the record of the request that this task answers."""
    record = Record(request_id, method)
    _current.set(record)
    return record


def current() -> Record:
    """The record of this task's request; one that nobody reads where there is none."""
    return _current.get(Record())


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add the time of the block, waiting included, to a stage of the request."""
    started = time.perf_counter()
    try:
        yield
    finally:
        stages = current().stages
        stages[name] = stages.get(name, 0.0) + (time.perf_counter() - started) * 1000

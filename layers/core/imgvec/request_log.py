"""The record of a request, for its log line and for metrics.

It never contains a key, an image, an address or a vector.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

import orjson

from imgvec.errors import RequestError

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig


@dataclass(slots=True)
class UsageEvent:
    """The usage of one request; `outcome` is set when it ends."""

    consumer: str
    dialect: str
    space: int
    revision: str
    images: int
    """Units of the request: images or texts."""
    outcome: str = "failed"
    """`answered` (counted), `replayed` (counted before), `failed`, or the name of the error."""
    milliseconds: float = 0.0


@dataclass(slots=True)
class Record:
    """One request; each field is set as soon as it is known."""

    request_id: str = ""
    method: str = ""
    route: str = ""
    """The route's template."""
    dialect: str = ""
    """That which owns the path; empty for none."""
    status: int = 0
    milliseconds: float = 0.0
    consumer: str = ""
    usage: UsageEvent | None = None
    """Set for a request for embeddings with a valid key."""
    stages: dict[str, float] = field(default_factory=dict)
    """Milliseconds by stage: `admit`, `read`, `wait`, `decode`, `reserve`,
    `encode`, `settle`."""


UNTRACED: "Final[TelemetryConfig]" = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's telemetry, all off. By itself it gives the query and the message of each fault to the
process's tracer (AWS's layer brings one), and keys and images may stand in a query."""

_current: ContextVar[Record] = ContextVar("record")


def begin(request_id: str, method: str) -> Record:
    """Create the record of this task's request."""
    record = Record(request_id, method)
    _current.set(record)
    return record


def current() -> Record:
    """The record of this task's request; an unused one outside of requests."""
    return _current.get(Record())


def spent(name: str, seconds: float) -> None:
    """Add time to a stage of the request."""
    stages = current().stages
    stages[name] = stages.get(name, 0.0) + seconds * 1000


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add the time of the block, waiting included, to a stage of the request."""
    started = time.perf_counter()
    try:
        yield
    finally:
        spent(name, time.perf_counter() - started)


_usage_log = logging.getLogger("imgvec.usage")


@contextmanager
def reported(event: UsageEvent) -> Iterator[UsageEvent]:
    """Log the event when the block ends, also when it raises."""
    started = time.perf_counter()
    try:
        yield event
    except RequestError as error:
        event.outcome = type(error).__name__
        raise
    finally:
        event.milliseconds = round((time.perf_counter() - started) * 1000, 1)
        _usage_log.info("%s", orjson.dumps(asdict(event)).decode())

"""Usage events: one structured record for each embedding that was asked for with a good key.

They are lines of JSON on the logger `imgvec.usage`, for whoever bills or watches; what is counted
is in the store. No image, no URL and no key is in them.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import orjson

from imgvec.errors import RequestError

log = logging.getLogger("imgvec.usage")


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


@contextmanager
def reported(event: UsageEvent) -> Iterator[UsageEvent]:
    """Write the event when what is done inside has ended, well or not."""
    started = time.perf_counter()
    try:
        yield event
    except RequestError as refused:
        event.outcome = type(refused).__name__
        raise
    finally:
        event.milliseconds = round((time.perf_counter() - started) * 1000, 1)
        log.info("%s", orjson.dumps(asdict(event)).decode())

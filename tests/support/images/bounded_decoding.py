"""What becomes of a file: its pixels or the name of its refusal, within a bound of time."""

import time
import warnings

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images.decode import ImageLimits, decode
from imgvec.images.opened import CountedFile

SIZE = 260
LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1000)
SECONDS = 3.0
"""Of processor time for one file of the largest size; what is held off takes 4 to thousands."""
READS = 100_000
SHARE = 120
"""How many times those reads the dearest file may cost: it takes 53 times (45 under coverage)."""


def bound() -> float:
    """The same seconds on a machine that is slower, or that coverage slows."""
    return max(SECONDS, seconds_of(SHARE))


def seconds_of(share: int) -> float:
    """So many times the processor time that `READS` take here."""
    stream = CountedFile(bytes(READS))
    started = time.thread_time()
    for _ in range(READS):
        stream.read(1)
    return share * (time.thread_time() - started)


def outcome(data: bytes) -> bytes:
    """Decode a file; whatever else it raises is not caught here."""
    started = time.thread_time()
    with warnings.catch_warnings():
        # As the server does: Pillow's warnings of damage decide nothing.
        warnings.simplefilter("ignore")
        try:
            found = decode(data, SIZE, LIMITS).tobytes()
        except (NotAnImage, TooLarge) as refused:
            found = type(refused).__name__.encode()
    spent = time.thread_time() - started
    assert spent < SECONDS or spent < bound()
    return found

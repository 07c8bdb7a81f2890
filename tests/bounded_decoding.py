"""What becomes of a file: its pixels or the name of its refusal, within a bound of time."""

import sys
import time
import warnings

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images.decode import ImageLimits, decode

SIZE = 260
LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1000)
SECONDS = 3.0 if sys.gettrace() is None else 12.0
"""Of processor time for one file of the largest size; what is held off takes 4 to thousands.

Counting a million reads takes three times as long while coverage watches.
"""


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
    assert time.thread_time() - started < SECONDS
    return found

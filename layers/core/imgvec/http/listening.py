"""Signals, the listener and the log of every server process."""

import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from types import FrameType

from imgvec.settings import Settings


def leave_at_once() -> None:
    """While a process starts, being asked to stop is no failure: it ends on the spot.

    Nothing is raised: an extension that is just being imported would tell of it as its own failure.
    """
    _when_asked(_end)


def leave_quietly() -> None:
    """After the last answer, having been asked to stop is no failure: the process ends in order."""
    # Uvicorn finishes what runs, then hands the signal back to whom it found here.
    _when_asked(_exit)


def _when_asked(leave: Callable[[int, FrameType | None], None]) -> None:
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    # `nohup` has it ignored, and means it.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Take a hang-up for SIGTERM, whatever that means by now: uvicorn handles no hang-up."""
    signal.raise_signal(signal.SIGTERM)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(0)


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on; port 0 takes a free one.

    Raises:
        OSError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends without delay only on sockets whose protocol is spelled out; with the default
    # of 0 every answer waits 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(2048)
    return listener


def log_to_stderr(settings: Settings) -> None:
    """Our own lines only: a library's may hold addresses and query strings, and so keys."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("imgvec").setLevel(settings.log_level.upper())
    # Pillow's warnings on a stranger's damaged file are no concern of the operator's.
    warnings.filterwarnings("ignore", module="PIL")

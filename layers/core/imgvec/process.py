"""Signals, the listener and the log of every server process."""

import errno
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Final

from imgvec.settings import Settings

STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TAKE_SECONDS: Final = 60.0
"""How long a client may take nothing of what was sent to it; the kernel counts."""


def leave_at_once() -> None:
    """While a process starts, a signal to stop is no failure: the process ends on the spot.

    Nothing is raised: an extension that is just being imported would report it as its own failure.
    """
    _when_asked(lambda number, frame: os._exit(0))


def leave_quietly() -> None:
    """After the last answer, a signal to stop is no failure: the process ends in order.

    Until the server calls `hear_signals`, one that comes is held: raised while a loop begins, it
    would be lost or end in a traceback.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    # Uvicorn finishes what runs, then raises the signal again for the handler that it found.
    _when_asked(lambda number, frame: sys.exit(0))


def hear_signals() -> None:
    """Take the signals that were held, now that the server catches them."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def _when_asked(leave: Callable[[int, FrameType | None], None]) -> None:
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    # Under `nohup` a hang-up stays ignored. Uvicorn handles none, so it becomes a SIGTERM.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGTERM))


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
    # Connections inherit it. Only Linux has it.
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(TAKE_SECONDS * 1000))
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    except (OverflowError, UnicodeError):
        # A port above 65535; a name that no host can have.
        listener.close()
        raise OSError(errno.EINVAL, "there is no such address") from None
    listener.listen(2048)
    return listener


def log_to_stderr(settings: Settings) -> None:
    """Our own lines only: a library's may hold addresses and query strings, and so keys."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("imgvec").setLevel(settings.log_level.upper())
    # Pillow's warnings on a stranger's damaged file are no concern of the operator's.
    warnings.filterwarnings("ignore", module="PIL")

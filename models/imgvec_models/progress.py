"""Telling the person who waits for long work how far it is."""

from collections.abc import Callable
from typing import TypeAlias

Say: TypeAlias = Callable[[str], None]
"""Takes one line."""


def unsaid(line: str) -> None:
    """Tell nobody."""

"""A fragment of a page that is written again with each row, so that a run that is cut keeps it."""

import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Fragment:
    """Markdown in a file, and the same on the terminal."""

    path: Path
    minutes: float
    begun: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Seconds."""
        return self.begun + 60 * self.minutes - time.monotonic()

    def text(self, line: str) -> None:
        """A paragraph or a heading."""
        self._write("", line)

    def table(self, *columns: str) -> None:
        """Begin a table."""
        self._write("", _row(columns), _row(["---"] * len(columns)))

    def row(self, *cells: str) -> None:
        """A row of it."""
        self._write(_row(cells))

    def cut(self, missing: str) -> None:
        """The time is over before all is measured."""
        self.text(f"**Cut after {self.minutes:g} minutes: {missing} is missing.**")

    def _write(self, *lines: str) -> None:
        self.lines += lines
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("\n".join(self.lines).strip() + "\n")
        for line in filter(None, lines):
            print(f"{time.monotonic() - self.begun:5.0f}s  {line}", flush=True)


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"

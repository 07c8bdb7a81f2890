"""The SAM CLI as it is, but for the way it looks for the end of a call in a container's output.

python sam_local.py ARGUMENTS, with the Python that the SAM CLI is installed in.

SAM takes a call for ended when a piece of output has `REPORT` in its first or second line. A quick
call's lines come in one piece, and it then waits a second for nothing, several times in most tests.
Here each line is a piece.
"""

from importlib import import_module
from typing import IO


def by_line() -> None:
    """Hand on a container's output line by line."""
    container = import_module("samcli.local.docker.container").Container
    write = container._handle_data_writing

    def write_lines(stream: IO[bytes], data: bytes, event: object) -> None:
        for line in data.splitlines(keepends=True):
            write(stream, line, event)

    container._handle_data_writing = staticmethod(write_lines)


if __name__ == "__main__":
    by_line()
    import_module("samcli.cli.main").cli(prog_name="sam")

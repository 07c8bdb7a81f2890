"""What a run of the command line says."""

import json
import subprocess
import textwrap
from typing import Any

import click

Environment = dict[str, str]
Done = subprocess.CompletedProcess[str]


def assert_sentence(done: Done, status: int, *parts: str) -> None:
    """A failure that is told in one line on standard error."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


def lines_of(text: str) -> list[dict[str, Any]]:
    """The objects of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def set_up_in(welcome: str) -> str:
    """The lines for another terminal, of what `make run` prints."""
    lines = welcome.partition("Paste this into another terminal")[2].split("\n\n")[1]
    return textwrap.dedent(lines) + "\n"


def children(command: click.Command) -> dict[str, click.Command]:
    """Commands of a group by name, with those that are imported only when they are asked for."""
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: child for name, child in found.items() if child is not None}

"""Options that take a number take no `nan` and no infinity, whichever command they are of."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from imgvec.cli import group
from tests.unit.cli.said import children


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, as the words that name it."""
    if not children(command):
        yield path
    for name, inner in children(command).items():
        yield from commands(inner, (*path, name))


def options(path: tuple[str, ...]) -> list[str]:
    """Options of a command that take a float."""
    command: click.Command = group
    for name in path:
        command = children(command)[name]
    return [
        one.opts[0]
        for one in command.params
        if isinstance(one, click.Option) and isinstance(one.type, click.types.FloatParamType)
    ]


FLOATS = [(path, option) for path in commands(group) for option in options(path)]


def test_there_are_such_options() -> None:
    assert len(FLOATS) >= 4


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1"])
@pytest.mark.parametrize(("path", "option"), FLOATS, ids=str)
def test_no_such_number(path: tuple[str, ...], option: str, value: str) -> None:
    done = CliRunner().invoke(group, [*path, option, value, "name"])
    assert done.exit_code == 2
    assert f"Invalid value for '{option}'" in done.output

"""Blocks of a page with commands of the AWS CLI, run by botocore: an imitation of that program.

It knows the forms that the pages use: `NAME=value`, `NAME=$(aws ...)`, operations with options,
`aws SERVICE wait ...`, `--query` with `--output text`. All other commands are the test's.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any, Final

from botocore import xform_name
from botocore.model import ListShape, Shape, StructureShape
from botocore.session import get_session

BLOCK: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ASSIGNMENT: Final = re.compile(r"([A-Z_]+)=(?:\$\((.+)\)|.*)")
CLIENTS: Final = {"s3api": "s3"}
SWITCHES: Final = {"true": True, "false": False}


@dataclass
class Shell:
    """Variables, and the commands that are not AWS's, by their first word."""

    others: dict[str, Callable[[list[str]], None]]
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Variables that the page gives another value."""
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, block: str) -> None:
        """Run each line; one that goes on ends with a backslash."""
        for line in block.replace("\\\n", " ").splitlines():
            if found := ASSIGNMENT.fullmatch(line.strip()):
                name, command = found.groups()
                self.variables[name] = self._printed(command) if command else self.fixed[name]
            elif line.strip():
                self._printed(line)

    def _filled(self, text: str) -> str:
        return Template(text).substitute(self.variables)

    def _printed(self, line: str) -> str:
        program, *words = shlex.split(self._filled(line), comments=True)
        if program == "aws":
            return called(words)
        self.others[program](words)
        return ""


def blocks(page: str, heading: str | None = None) -> list[str]:
    """The blocks of commands below a heading of the second level; above all of them without."""
    if heading is not None:
        _, found, page = page.partition(f"\n## {heading}\n")
        assert found, heading
    return BLOCK.findall(page.partition("\n## ")[0])


def called(words: list[str]) -> str:
    """Make the call; gives what `--query` finds, as text."""
    service, operation, *rest = words
    client: Any = get_session().create_client(CLIENTS.get(service, service))
    if operation == "wait":
        waiter, *rest = rest
        given = {_member(option): value for option, (value,) in _options(rest).items()}
        client.get_waiter(waiter.replace("-", "_")).wait(**given)
        return ""
    options = _options(rest)
    query = options.pop("query", None)
    assert options.pop("output", ["text"]) == ["text"]
    method = operation.replace("-", "_")
    name = client.meta.method_to_api_mapping[method]
    members = client.meta.service_model.operation_model(name).input_shape.members
    named = {xform_name(member, "-"): member for member in members}
    given = {named[option]: _value(members[named[option]], one) for option, one in options.items()}
    if query is None:
        getattr(client, method)(**given)
        return ""
    (found,) = client.get_paginator(method).paginate(**given).search(query[0])
    return str(found)


def _options(words: list[str]) -> dict[str, list[str]]:
    options: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            values = options[word.removeprefix("--")] = []
        else:
            values.append(word)
    return options


def _member(option: str) -> str:
    return "".join(part.title() for part in option.split("-"))


def _value(shape: Shape, words: list[str]) -> Any:
    """The meaning of an option's words: the CLI's short form, or plain."""
    if isinstance(shape, ListShape):
        return [_value(shape.member, [word]) for word in words]
    if shape.type_name == "boolean":
        assert not words
        return True
    (word,) = words
    if isinstance(shape, StructureShape):
        pairs = dict(pair.split("=", 1) for pair in word.split(","))
        return {name: SWITCHES.get(value, value) for name, value in pairs.items()}
    return word

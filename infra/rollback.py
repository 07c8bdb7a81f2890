"""`make rollback`: the functions of a stack answer as before its last deployment.

    python -m infra.rollback prod [EmbeddingsFunction=7 ...]

It points the alias `live` of each function that the last deployment changed to the version before,
or to the version that the command line names. Table, bucket and gateway stay as they are.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from imgvec.cli.options import say
from imgvec.errors import ImgvecError, StackError
from infra.account import Account, PublishedFunction
from infra.configuration import Parameters, read_configuration, split_parameters
from infra.deploy import ROOT

COMMAND: Final = "make rollback"


@dataclass(frozen=True, slots=True)
class Step:
    """A function and the versions between which its alias moves."""

    function: PublishedFunction
    before: str


def rollback(environment: str, given: Parameters) -> None:
    """Move the aliases of one environment of `samconfig.toml`.

    Raises:
        ImgvecError: nothing can be moved, or a version that is named is not there.
    """
    configuration = read_configuration(ROOT / "samconfig.toml", environment)
    account = Account(configuration)
    functions = {one.name: one for one in account.functions()}
    if not functions:
        raise StackError(f"There is no stack {configuration.stack} with functions in this region")
    shifting = [one.name for one in functions.values() if one.shifts]
    if shifting:
        raise StackError(
            f"{', '.join(shifting)}: a shift of requests to a new version goes on. "
            "`aws deploy stop-deployment --auto-rollback-enabled` ends it, and goes back"
        )
    named = list(_named(functions, given))
    steps = named or list(_changed(functions, account.last_deployment()))
    if not steps:
        live = ", ".join(f"{one.name}={one.live}" for one in functions.values())
        raise StackError(
            f"The last deployment of {configuration.stack} changed no function that is live. "
            f"Live are {live}. Name others: VERSIONS={next(iter(functions))}=1"
        )
    for step in steps:
        account.point(step.function, step.before)
        code = account.code_of(step.function, step.before)
        say(f"{step.function.name}: version {step.function.live} -> {step.before}, {code}")
    forward = " ".join(f"{one.function.name}={one.function.live}" for one in steps)
    say(f"Forward again: {COMMAND} ENV={environment} VERSIONS={forward!r}")
    say("Compare X-Embedding-Revision of an answer with your index: the encoder may be another.")


def _named(functions: dict[str, PublishedFunction], given: Parameters) -> Iterator[Step]:
    for name, version in given.items():
        if name not in functions:
            raise StackError(f"{name} is no function here, there are: {', '.join(functions)}")
        if version not in functions[name].versions:
            there = ", ".join(functions[name].versions)
            raise StackError(f"{name} has no version {version}, there are: {there}")
        yield Step(functions[name], version)


def _changed(functions: dict[str, PublishedFunction], since: datetime) -> Iterator[Step]:
    """The functions whose live version the last deployment published."""
    for one in functions.values():
        if one.versions[one.live] < since:
            continue
        older = [version for version, made in one.versions.items() if made < since]
        if not older:
            raise StackError(f"{one.name} has no version from before the last deployment")
        yield Step(one, max(older, key=int))


def main() -> None:
    """Roll back what the command line says; a failure is one sentence."""
    parser = argparse.ArgumentParser(prog=COMMAND, allow_abbrev=False)
    parser.add_argument("environment", help="of samconfig.toml: default, dev or prod")
    parser.add_argument("versions", nargs="*", metavar="Function=version")
    arguments = parser.parse_args()
    try:
        rollback(arguments.environment, split_parameters(arguments.versions))
    except (ImgvecError, OSError) as problem:
        sys.exit(f"{COMMAND}: {problem}")


if __name__ == "__main__":
    main()

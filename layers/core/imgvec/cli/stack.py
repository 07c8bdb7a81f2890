"""`--stack`: commands that act on a deployed stack, and what they say of its gateway."""

from collections.abc import Callable, Collection
from typing import Final, TypeVar

import click

from imgvec.aws.gateway_keys.identifiers import Identifiers, states
from imgvec.aws.gateway_keys.outputs import Stack, find_stack
from imgvec.aws.gateway_keys.ports import IdentifierStore
from imgvec.aws.gateway_keys.probe import Probe
from imgvec.aws.gateway_keys.usage_plans import UsagePlans
from imgvec.cli.tools import say
from imgvec.errors import StackError
from imgvec.stores.open import Store, identifiers_in

F = TypeVar("F", bound=Callable[..., None])

_STATES: Final = {
    "own": "{consumer} has a name of its own at the gateway.",
    "pending": "{consumer} shares a name at the gateway until its own is accepted there: {again}.",
    "shared": "{consumer} shares a name at the gateway and has none of its own: {again}.",
}
_AGAIN: Final = "`imgvec keys attach --stack {stack} {consumer}` tries again"


def _find(context: click.Context, parameter: click.Parameter, value: str | None) -> Stack | None:
    return None if value is None else find_stack(value)


def stack_option(*, required: bool = False) -> Callable[[F], F]:
    """The option, which gives the command a `Stack`."""
    return click.option(
        "--stack",
        metavar="NAME",
        required=required,
        callback=_find,
        help="Act on this deployed stack (credentials, AWS_DEFAULT_REGION from the environment).",
    )


def attach_consumers(stack: Stack | None, store: Store, consumers: Collection[str]) -> None:
    """Give consumers names at the stack's gateway and say how they stand.

    A refusal is told and ends nothing: keys work all the same, under a shared name.
    """
    found = identifiers_in(store)
    if stack is None or found is None or not stack.usage_plans or not consumers:
        return
    say("Asking the gateway (a moment; half a minute where a tier changes).")
    try:
        identifiers_of(stack, store, found).attach(consumers)
    except StackError as refusal:
        say(str(refusal))
    for consumer, state in states(found, consumers).items():
        again = _AGAIN.format(consumer=consumer, stack=stack.name)
        say(_STATES[state].format(consumer=consumer, again=again))


def identifiers_of(stack: Stack, store: Store, found: IdentifierStore) -> Identifiers:
    """What acts on the gateway of a stack."""
    return Identifiers(store, found, UsagePlans(stack), Probe(stack.url))

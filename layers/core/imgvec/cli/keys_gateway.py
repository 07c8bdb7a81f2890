"""`imgvec keys attach | detach`: consumers' names at the gateway of a deployed stack."""

import click

from imgvec.cli.stack import attach_consumers, identifiers_of, stack_option
from imgvec.cli.store import open_store
from imgvec.stores.open import identifiers_in
from imgvec.stores.stack.outputs import Stack


@click.command()
@click.argument("consumers", nargs=-1, metavar="[CONSUMER]...")
@stack_option(required=True)
def attach(consumers: tuple[str, ...], stack: Stack) -> None:
    """Give each CONSUMER, or all, its own name at the gateway, in the tier of its plan.

    `keys create` does it for its consumer; this finishes what is pending.
    """
    with open_store(stack) as store:
        attach_consumers(stack, store, consumers or [one.name for one in store.list_consumers()])


@click.command()
@stack_option(required=True)
def detach(stack: Stack) -> None:
    """Delete the names of all consumers at the gateway; their keys work on, under shared names.

    `make destroy` does it: no stack owns these names, so none takes them along.
    """
    with open_store(stack) as store:
        found = identifiers_in(store)
        number = 0 if found is None else identifiers_of(stack, store, found).detach()
    click.echo(f"{number} names are deleted.", err=True)

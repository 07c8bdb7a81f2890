"""The authorizer function: which consumer does this key belong to. It never denies."""

import os

from mangum.types import LambdaContext

from imgvec.aws.gateway_keys.names import Consumers, Event, allow, shown_in, throttled_as
from imgvec.settings import load_settings
from imgvec.stores import identifiers_in, store_of

PREFIX = os.environ["GATEWAY_KEY_PREFIX"]
store = store_of(load_settings())
consumers = Consumers(store, identifiers_in(store))


def handler(event: Event, context: LambdaContext) -> Event:
    """Answer the gateway."""
    shown = shown_in(event)
    return allow(event, shown, f"{PREFIX}-{throttled_as(shown, consumers)}")

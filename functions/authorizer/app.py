"""The authorizer function: which consumer does this key belong to. It never denies."""

import os

from mangum.types import LambdaContext

from imgvec.aws.authorizer import Event, allow, shown_in
from imgvec.aws.desk import desk_settings
from imgvec.consumers.authorizer import Consumers, pooled, throttled_as
from imgvec.settings import load_settings
from imgvec.stores.open import store_of

PREFIX = os.environ["GATEWAY_KEY_PREFIX"]
store = store_of(desk_settings(load_settings()))


def look_up(digest: str) -> str | None:
    """The name that a key's consumer is throttled by."""
    record = store.find_key(digest)
    return None if record is None or record.revoked is not None else pooled(record.consumer)


consumers = Consumers(look_up)


def handler(event: Event, context: LambdaContext) -> Event:
    """Answer the gateway."""
    shown = shown_in(event)
    return allow(event, shown, f"{PREFIX}-{throttled_as(shown, consumers)}")

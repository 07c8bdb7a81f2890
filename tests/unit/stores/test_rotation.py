"""Rotating a key, over each store: the copy keeps all that restricts the old one."""

from dataclasses import fields
from typing import Final

import pytest

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.keys import digest, mint
from imgvec.accounts.ports import KeyRecord
from imgvec.accounts.registry import Registry
from imgvec.errors import ConsumerError, KeyDisabled
from imgvec.stores import Store

NOW: Final = 1000.0
ITS_OWN: Final = {"key_id", "digest", "created", "used"}
"""Fields that a new key has not from the old one."""
NOT_ROTATED: Final = {"revoked"}
"""Fields that a key which can be rotated leaves empty."""


def registry(store: Store) -> Registry:
    return Registry(store, who="root", clock=lambda: NOW)


def stored(store: Store, expires: float | None = None, disabled: float | None = None) -> KeyRecord:
    """A key, used before."""
    record = KeyRecord("k_old", "acme", digest(mint()), 1.0, None, expires, disabled, 8.0)
    store.add_consumer("acme")
    store.add_key(record)
    return record


def record_of(store: Store, key_id: str) -> KeyRecord:
    return next(record for record in store.list_keys() if record.key_id == key_id)


def test_every_field_but_its_own_is_copied(any_store: Store) -> None:
    old = stored(any_store, expires=5000.0, disabled=7.0)
    empty = {field.name for field in fields(old) if getattr(old, field.name) == field.default}
    assert empty == NOT_ROTATED, "a new field needs a value above"
    created = registry(any_store).rotate_key("k_old", 60.0)
    new = record_of(any_store, created.record.key_id)
    assert new == created.record
    others = {field.name for field in fields(old)} - ITS_OWN
    assert {name: getattr(new, name) for name in others} == {
        name: getattr(old, name) for name in others
    }
    assert (new.digest, new.created, new.used) == (digest(created.key), NOW, None)
    with pytest.raises(KeyDisabled):
        Authenticator(any_store, clock=lambda: NOW).authenticate([created.key])


@pytest.mark.parametrize(
    ("expires", "overlap", "end"),
    [(None, 60.0, NOW + 60), (5000.0, 60.0, NOW + 60), (1030.0, 60.0, 1030.0)],
)
def test_the_old_key_ends_after_the_overlap_at_the_latest(
    any_store: Store, expires: float | None, overlap: float, end: float
) -> None:
    stored(any_store, expires=expires)
    created = registry(any_store).rotate_key("k_old", overlap)
    assert record_of(any_store, "k_old").expires == end
    assert created.record.expires == expires


def test_an_expired_key_is_not_rotated(any_store: Store) -> None:
    old = stored(any_store, expires=NOW)
    with pytest.raises(ConsumerError, match=r"k_old has expired.*`imgvec keys create acme`"):
        registry(any_store).rotate_key("k_old", 60.0)
    assert any_store.list_keys() == [old]
    assert any_store.list_actions() == []


def test_a_revoked_key_is_not_rotated(any_store: Store) -> None:
    stored(any_store)
    any_store.revoke_key("k_old", 5.0)
    with pytest.raises(ConsumerError, match=r"k_old was revoked.*`imgvec keys create acme`"):
        registry(any_store).rotate_key("k_old", 60.0)
    assert [record.key_id for record in any_store.list_keys()] == ["k_old"]

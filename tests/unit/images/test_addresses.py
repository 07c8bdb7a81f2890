"""Which addresses are public. Only the judgement is at stake; nothing here opens a connection."""

from ipaddress import ip_address

import pytest

from imgvec.images.fetch.urls import is_public
from tests.support.http.fetch_table import PUBLIC, REFUSED


@pytest.mark.parametrize(("address", "reason"), PUBLIC)
def test_public(address: str, reason: str) -> None:
    assert is_public(ip_address(address)), reason


@pytest.mark.parametrize(("address", "reason"), REFUSED)
def test_refused(address: str, reason: str) -> None:
    assert not is_public(ip_address(address)), reason


def test_no_row_stands_twice() -> None:
    addresses = [address for address, _ in PUBLIC + REFUSED]
    assert len(addresses) == len(set(addresses))

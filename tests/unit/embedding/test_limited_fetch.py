"""A fetch ends at the limit of the plan, where it is below the setting's."""

import asyncio
from contextlib import suppress

import pytest

from imgvec.errors import TooLarge
from imgvec.images.fetch import fetch_of
from imgvec.settings import load_settings
from tests.support.http.scripted_listener import QuietHandler, answering

BLOCK = bytes(1 << 16)
BLOCKS = 160
"""10 MB, more than the buffers of both ends hold."""


def test_a_fetch_is_cut_at_the_limit() -> None:
    sent: list[int] = []

    class Endless(QuietHandler):
        def do_GET(self) -> None:
            # Its length is not announced.
            self.send_response(200)
            self.end_headers()
            with suppress(ConnectionError):
                for _ in range(BLOCKS):
                    self.wfile.write(BLOCK)
                    sent.append(len(BLOCK))

    with answering(Endless) as address:
        host = address.removeprefix("http://")
        fetch = fetch_of(load_settings({"IMGVEC_FETCH_ALLOW": host}))
        with pytest.raises(TooLarge):
            asyncio.run(fetch(f"{address}/image", 1000))
        cut = len(sent)
        assert len(asyncio.run(fetch(f"{address}/image", None))) == len(BLOCK) * BLOCKS
    assert cut < BLOCKS

"""How much of a body is read: what is over a limit is refused there, and the rest stays unread."""

import asyncio
from collections.abc import Iterable, Iterator

import pytest
from starlette.requests import Request
from starlette.types import Message

from imgvec.dialects.call import FORM, MAX_PARTS, MULTIPART, Call, read_bytes, read_call
from imgvec.errors import BadParameter, TooLarge

LIMIT = 1000
CHUNK = b"x" * 100


class Sent:
    """A request whose body comes in these chunks; it counts those read."""

    def __init__(self, chunks: Iterable[bytes], **headers: str) -> None:
        self.read = 0
        self._chunks: Iterator[bytes] = iter(chunks)
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "POST", "headers": raw, "query_string": b""}
        self.request = Request(scope, self._receive)

    async def _receive(self) -> Message:
        chunk = next(self._chunks, None)
        self.read += chunk is not None
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}


def form_of(parts: int, media_type: str) -> Call:
    """A form of so many fields, as it is read."""
    if media_type == FORM:
        body = "&".join(["a=b"] * parts).encode()
    else:
        part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
        body = part * parts + b"--x--\r\n"
    sent = Sent([body], content_type=f"{media_type}; boundary=x")
    return asyncio.run(read_call(sent.request, (media_type,), 100_000))


def test_a_body_of_the_limit_is_read_whole() -> None:
    assert asyncio.run(read_bytes(Sent([CHUNK] * 10).request, LIMIT)) == CHUNK * 10


def test_a_body_is_refused_as_soon_as_it_is_over() -> None:
    sent = Sent([CHUNK] * 1000)
    with pytest.raises(TooLarge):
        asyncio.run(read_bytes(sent.request, LIMIT))
    assert sent.read == 11


def test_a_body_that_is_announced_too_long_is_not_read_at_all() -> None:
    sent = Sent([CHUNK], content_length="1001")
    with pytest.raises(TooLarge):
        asyncio.run(read_bytes(sent.request, LIMIT))
    assert sent.read == 0


@pytest.mark.parametrize("media_type", [FORM, MULTIPART])
def test_the_number_of_parts_is_bounded(media_type: str) -> None:
    assert len(form_of(MAX_PARTS, media_type).fields.every("a")) == MAX_PARTS == 32
    with pytest.raises(BadParameter):
        _ = form_of(MAX_PARTS + 1, media_type).fields

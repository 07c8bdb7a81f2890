"""A vendor's request, read as far as it parses.

The key is checked before the rest of a request, and it may be in the body. So reading does not
raise: an error in the body is kept, and raised when the fields of the body are used.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request

from imgvec.api.bodies import form_items, json_items, read_multipart
from imgvec.api.fields import NO_FIELDS, Fields, Item, fingerprint
from imgvec.errors import BodyTooLarge, RequestError, WrongContentType
from imgvec.types import FormText

JSON = "application/json"
MULTIPART = "multipart/form-data"
FORM = "application/x-www-form-urlencoded"
_GZIP = b"\x1f\x8b"
"""First bytes of a gzipped body. Some clients send Content-Encoding for a plain body."""
_IN_A_THREAD = 1_000_000
"""Bytes from which on a body is parsed in a thread: the event loop answers others meanwhile."""
_LONGEST_LENGTH = 18
"""Most digits of a Content-Length that is parsed as a number."""


@dataclass(frozen=True, slots=True)
class Call:
    """Headers, query and body of one request."""

    headers: Headers
    query: Fields = NO_FIELDS
    body: Fields = NO_FIELDS
    problem: RequestError | None = None
    """The error for which `body` is incomplete, if it is."""

    @property
    def fields(self) -> Fields:
        """The body's fields.

        Raises:
            RequestError: the body has the wrong type, is too large or does not parse.
        """
        if self.problem is not None:
            raise self.problem
        return self.body

    @property
    def fingerprint(self) -> str:
        """SHA-256 of query and body, 64 hex digits.

        It covers fields and not bytes: a client that sends a form again makes a new boundary, and
        may use another key after a rotation.
        """
        return fingerprint(self.query.beside(self.body))


async def read_call(request: Request, accepted: tuple[str, ...], max_body: int) -> Call:
    """Read a request whose body may have one of the `accepted` media types, up to `max_body` bytes.

    A body without a content type is read as JSON. An empty body has no fields.
    """
    media_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if media_type in accepted:
        return await _read(request, media_type, max_body)
    wrong = WrongContentType(f"Unsupported content type, send {' or '.join(accepted)}")
    return Call(request.headers, _query(request), problem=wrong)


async def read_json(request: Request, max_body: int) -> Call:
    """Read JSON of up to `max_body` bytes, whatever its content type: some clients send another."""
    return await _read(request, JSON, max_body)


async def _read(request: Request, media_type: str, max_body: int) -> Call:
    read: list[Item] = []
    problem: RequestError | None = None
    try:
        await _read_body(request, media_type, max_body, read)
    except RequestError as error:
        problem = error
    return Call(request.headers, _query(request), Fields(tuple(read)), problem)


def _query(request: Request) -> Fields:
    given = request.query_params.multi_items()
    return Fields(tuple((name, FormText(value)) for name, value in given))


async def read_bytes(request: Request, limit: int) -> bytes:
    """The whole body.

    Raises:
        BodyTooLarge: it has more than `limit` bytes, by its header or by count; the rest stays
            unread.
    """
    return await _joined(_capped(request, limit))


async def _joined(stream: AsyncGenerator[bytes, None]) -> bytes:
    """All chunks as one; a list of them would hold a body twice, in pieces that stay allocated."""
    body = bytearray()
    async for chunk in stream:
        body += chunk
    return bytes(body)


async def _capped(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > _LONGEST_LENGTH or int(announced) > limit):
        raise BodyTooLarge.over(limit)
    seen = 0
    async for chunk in request.stream():
        # The part within the limit is passed on first: it may hold the key.
        yield chunk[: limit - seen]
        seen += len(chunk)
        if seen > limit:
            raise BodyTooLarge.over(limit)


async def _read_body(request: Request, media_type: str, limit: int, into: list[Item]) -> None:
    """Append the body's fields to `into`, also those before a fault."""
    stream = _capped(request, limit)
    if media_type == MULTIPART:
        await read_multipart(request.headers, stream, limit, into)
        return
    body = await _joined(stream)
    if body.startswith(_GZIP):
        raise WrongContentType("The body must not be compressed")
    parse = json_items if media_type == JSON else form_items
    into.extend(await asyncio.to_thread(parse, body) if len(body) > _IN_A_THREAD else parse(body))

"""Forms to fields: multipart (RFC 7578) and URL-encoded (URL Standard, 5.1), both in UTF-8."""

import re
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import unquote_to_bytes

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from imgvec.api.fields import Item, Upload
from imgvec.errors import BadParameter, RequestError, WrongContentType

MAX_PARTS: Final = 32
MAX_ESCAPES: Final = 1_000_000
"""Escapes of a URL-encoded form: each takes 175 bytes while it is decoded. Base64 of 20 MB has
600,000 of them."""

_JSON_BEGINS = frozenset({b"{", b"[", b'"'})
_BOUNDARY = re.compile(rb"[ -~]{1,200}")


def form_items(body: bytes) -> list[Item]:
    """The fields of a URL-encoded form.

    Parsed here: Starlette's parser takes 3.5 GB and 9 seconds for 20 MB of percent signs.

    Raises:
        BadParameter: it has too many fields or escapes.
        WrongContentType: it is JSON, as `curl -d` and axios label what they are given as text.
    """
    body = body.removeprefix(BOM_UTF8)
    if body.lstrip()[:1] in _JSON_BEGINS:
        raise WrongContentType("The body is JSON, but its content type is that of a form")
    if body.count(b"&") >= MAX_PARTS or body.count(b"%") > MAX_ESCAPES:
        raise _no_form()
    pairs = (pair.partition(b"=") for pair in body.split(b"&") if pair)
    return [(_unescaped(name), _unescaped(value)) for name, _, value in pairs]


def _unescaped(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "replace")


class _InMemory(MultiPartParser):
    """Parts stay in memory (0: no limit of its own); the body's limit already bounds them."""

    spool_max_size = 0


async def read_multipart(
    headers: Headers, stream: AsyncGenerator[bytes, None], limit: int, into: list[Item]
) -> None:
    """Append the parts of a form to `into`, text parts also where a later one is at fault.

    Raises:
        BadParameter: it does not parse, or has more than `MAX_PARTS` parts of a kind.
        RequestError: what the stream raises.
    """
    boundary = _boundary(headers)
    parser = _InMemory(
        _in_utf8(boundary),
        _without_preamble(stream, boundary),
        max_files=MAX_PARTS,
        max_fields=MAX_PARTS,
        max_part_size=limit,
    )
    try:
        await parser.parse()
    except (RequestError, MultiPartException) as problem:
        # The fields before the fault may hold the key; files are closed by now.
        into.extend(item for item in parser.items if isinstance(item[1], str))
        raise problem if isinstance(problem, RequestError) else _no_form() from None
    for name, value in parser.items:
        if isinstance(value, UploadFile):
            into.append((name, Upload(value.filename or "", await value.read())))
            await value.close()
        else:
            into.append((name, value))


async def _without_preamble(
    stream: AsyncGenerator[bytes, None], boundary: bytes
) -> AsyncGenerator[bytes, None]:
    """The form from its first boundary on; what stands before it is ignored (RFC 2046, 5.1.1)."""
    sought, before = b"\n--" + boundary, b"\n"
    async for chunk in stream:
        if not sought or (before == b"\n" and chunk.startswith(sought[1:])):
            # As a rule there is no preamble, and no copy of a body that may come as one chunk.
            sought = before = b""
            yield chunk
            continue
        before += chunk
        at = before.find(sought)
        if at >= 0:
            yield before[at + 1 :]
            sought = before = b""
        else:
            before = before[1 - len(sought) :]
    if before not in (b"", b"\n"):
        raise _no_form()


def _boundary(headers: Headers) -> bytes:
    _, options = parse_options_header(headers["content-type"])
    boundary = options.get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise BadParameter("The form has no valid boundary")
    return boundary


def _in_utf8(boundary: bytes) -> Headers:
    """The header of a form without its charset.

    Starlette would look up any codec of Python's that the client names, and some of them raise, or
    give strings that nothing can encode.
    """
    quoted = boundary.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return Headers(raw=[(b"content-type", b'multipart/form-data; boundary="%s"' % quoted)])


def _no_form() -> BadParameter:
    return BadParameter("The form does not parse")

"""Bodies to fields: JSON, and forms in UTF-8 (multipart, RFC 7578; URL Standard, 5.1).

Bounds hold what a small body may cost.
"""

import re
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator
from io import BytesIO
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

import orjson
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from imgvec.api.fields import Item, Upload
from imgvec.errors import BadParameter, RequestError, WrongContentType
from imgvec.types import FormText

MAX_DEPTH: Final = 100
"""Nesting of lists and objects. orjson reads 1024 levels but writes only 254 (fingerprint)."""
MAX_MEMBERS: Final = 50_000
"""Members and containers of a JSON body: each takes some 60 to 200 bytes of memory, and a few bytes
of the body. A list of 1,000 inputs, each an object of objects, has below 20,000."""

Container: TypeAlias = list[object] | dict[str, object]


def json_items(body: bytes) -> list[Item]:
    """The members of a JSON object, none for an empty body. The last of repeated members counts.

    Raises:
        BadParameter: it is no JSON, no object, nested too deeply, or has too many members.
    """
    body = body.removeprefix(BOM_UTF8)
    if not body or body.isspace():
        return []
    if _members_passed(body):
        raise BadParameter(f"The body has more than {MAX_MEMBERS} members, send fewer at once")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadParameter("The body is not valid JSON") from None
    if not isinstance(parsed, dict):
        raise BadParameter("The body must be a JSON object")
    if _depth_passed(parsed):
        raise BadParameter("The body is nested too deeply")
    return list(parsed.items())


_STRUCTURE: Final = (b",", b"[", b"{")
_FEW: Final = 100


def _members_passed(body: bytes) -> bool:
    """Whether there are more than `MAX_MEMBERS` commas and opening brackets outside of strings.

    Judged before a parser makes objects of them. Base64 has none of these, and most bodies of
    texts have few, so their strings are looked for in few bodies.
    """
    if sum(_count(body, mark) for mark in _STRUCTURE) <= MAX_MEMBERS:
        return False
    # Without escapes, every quote begins or ends a string.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > 4 * MAX_MEMBERS:
        return True
    outside = plain.split(b'"')[::2]
    return sum(piece.count(mark) for piece in outside for mark in _STRUCTURE) > MAX_MEMBERS


def _count(body: bytes, mark: bytes) -> int:
    """As `bytes.count`, which looks at each byte; `find` skips over base64 ten times as fast."""
    at = -1
    for found in range(_FEW):
        at = body.find(mark, at + 1)
        if at < 0:
            return found
    return body.count(mark)


def _depth_passed(parsed: Container) -> bool:
    level = [parsed]
    for _ in range(MAX_DEPTH):
        rows = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        level = [inner for row in rows for inner in row if isinstance(inner, list | dict)]
    return bool(level)


MAX_PARTS: Final = 32
MAX_NAME: Final = 200
"""Bytes of a field's name in a URL-encoded form, as written."""
MAX_ESCAPES: Final = 1_000_000
"""Percent escapes of a URL-encoded form. Each takes 175 bytes of memory while it is decoded; 20 MB
of base64 have 600,000."""

_JSON_BEGINS = frozenset({b"{", b"[", b'"'})
_BOUNDARY = re.compile(rb"[ -~]{1,200}")


def form_items(body: bytes) -> list[Item]:
    """The fields of a URL-encoded form.

    Parsed here: Starlette's parser takes 3.5 GB and 9 seconds for 20 MB of percent signs.

    Raises:
        BadParameter: it has too many fields or escapes.
        WrongContentType: it is JSON, which `curl -d` and axios send under this type by default.
    """
    body = body.removeprefix(BOM_UTF8)
    if body.lstrip()[:1] in _JSON_BEGINS:
        raise WrongContentType("The body is JSON, but its content type is that of a form")
    if body.count(b"&") >= MAX_PARTS or body.count(b"%") > MAX_ESCAPES:
        raise _no_form()
    pairs = [pair.partition(b"=") for pair in body.split(b"&") if pair]
    if any(len(name) > MAX_NAME for name, _, _ in pairs):
        raise BadParameter(f"A field's name is longer than {MAX_NAME} bytes")
    return [(_unescaped(name), FormText(_unescaped(value))) for name, _, value in pairs]


def _unescaped(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "replace")


class _InMemory(MultiPartParser):
    """Keeps parts in memory (0: no limit of its own); the body limit already bounds them."""

    spool_max_size = 0

    def on_part_end(self) -> None:
        """Take a part without filename for a file too if it is an image or no text in UTF-8."""
        part = self._current_part
        if part.file is None and (_is_image(part.item_headers) or not _is_text(part.data)):
            file = UploadFile(BytesIO(part.data), size=len(part.data))
            self.items.append((part.field_name, file))
        else:
            super().on_part_end()


def _is_image(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(
        name == b"content-type" and value.strip().lower().startswith(b"image/")
        for name, value in headers
    )


def _is_text(data: bytes | bytearray) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


async def read_multipart(
    headers: Headers, stream: AsyncGenerator[bytes, None], limit: int, into: list[Item]
) -> None:
    """Append the parts of a form to `into`, also the text parts before a faulty one.

    Raises:
        BadParameter: it does not parse, or has more than `MAX_PARTS` parts of a kind.
        RequestError: raised by the stream.
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
        # Fields before the fault may hold the key, which is checked first; files are closed by now.
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
    """The form from its first boundary on, without a preamble (RFC 2046, 5.1.1)."""
    sought, before = b"\n--" + boundary, b"\n"
    async for chunk in stream:
        if not sought or (before == b"\n" and chunk.startswith(sought[1:])):
            # Usually there is no preamble; then a body that comes as one chunk is not copied.
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
    """The Content-Type of a form without its charset.

    Starlette would decode with any Python codec that the client names; some of these raise, or give
    strings that cannot be encoded again.
    """
    quoted = boundary.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return Headers(raw=[(b"content-type", b'multipart/form-data; boundary="%s"' % quoted)])


def _no_form() -> BadParameter:
    return BadParameter("The form does not parse")

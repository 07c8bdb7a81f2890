"""Images that come as text: URLs, base64, data URIs (RFC 2397).

Base64 is read as browsers do (WHATWG Infra, "forgiving-base64 decode"), in either alphabet of RFC
4648: ASCII white space anywhere is dropped, for Java's MIME encoder, PHP's `chunk_split`, Android,
Ruby and the command `base64` wrap their lines.
"""

from typing import Final

import pybase64

from imgvec.embedding.types import ImageBytes, ImageSource, ImageUrl
from imgvec.errors import BadParameter, ImageTooLarge
from imgvec.types import FormText

_SPACES: Final = b" \t\n\f\r"
_BREAKS: Final = b"\t\n\f\r"
_ENDS: Final = " \t\n\f\r\u3000"
"""White space that is ignored around a URL."""
_ESCAPES: Final = {
    **{"%2B": "+", "%2b": "+", "%2F": "/", "%2f": "/", "%3D": "=", "%3d": "="},
    **{"%20": " ", "%09": "\t", "%0A": "\n", "%0a": "\n", "%0D": "\r", "%0d": "\r"},
}
"""Characters of wrapped base64 that some clients escape inside a data URI."""


def decode_base64(text: str, max_bytes: int) -> bytes:
    """Decode base64 of the standard or the URL-safe alphabet, not a mixture.

    Padding may be absent; where it is given it must be right. The size is judged by the number of
    digits, before anything is decoded.

    Raises:
        ImageTooLarge: the text stands for more than `max_bytes`.
        BadParameter: the text is empty or no base64.
    """
    sent = _digits(text)
    given = len(sent) - len(sent.rstrip(b"="))
    digits = len(sent) - given
    if digits * 3 // 4 > max_bytes:
        raise ImageTooLarge.over(max_bytes)
    if not digits:
        raise BadParameter("The image is empty")
    due = -digits % 4
    if given not in (0, due):
        raise _no_base64()
    url_safe = b"-" in sent or b"_" in sent
    if url_safe and (b"+" in sent or b"/" in sent):
        raise _no_base64()
    padded = sent if given else sent + b"=" * due
    try:
        return pybase64.b64decode(padded, b"-_" if url_safe else None, validate=True)
    except ValueError:
        raise _no_base64() from None


def _digits(text: str) -> bytes:
    """The digits and the padding, without white space."""
    try:
        sent = text.encode("ascii")
    except UnicodeEncodeError:
        raise _no_base64() from None
    if not any(space in sent for space in _SPACES):
        return sent
    if isinstance(text, FormText) and b"-" not in sent and b"_" not in sent:
        sent = _with_plus(sent)
    return sent.translate(None, _SPACES)


def _with_plus(sent: bytes) -> bytes:
    """Base64 of a query or a form: a `+` that its client did not escape has become a space.

    Only line breaks are wrapping there. Spaces at the ends are white space, unless they complete
    the last four digits.
    """
    sent = sent.translate(None, _BREAKS).lstrip(b" ")
    trimmed = sent.rstrip(b" ")
    if trimmed.endswith(b"=") or len(sent) % 4:
        sent = trimmed
    return sent.replace(b" ", b"+")


def decode_data_uri(uri: str, max_bytes: int) -> bytes:
    """Decode a base64 data URI.

    The media type and its parameters are not looked at: the bytes tell what the image is.

    Raises:
        ImageTooLarge: the URI holds more than `max_bytes`.
        BadParameter: it is no data URI, not marked as base64, empty, or no base64.
    """
    head, comma, payload = uri.partition(",")
    head = head.lstrip(_ENDS)
    scheme, colon, label = head.partition(":")
    if not (comma and colon) or scheme.lower() != "data":
        raise BadParameter("The image is no data URI")
    if "base64" not in (part.strip().lower() for part in label.split(";")[1:]):
        raise BadParameter("The data URI is not marked as base64")
    if "%" in payload:
        for escape, character in _ESCAPES.items():
            payload = payload.replace(escape, character)
    return decode_base64(FormText(payload) if isinstance(uri, FormText) else payload, max_bytes)


def _no_base64() -> BadParameter:
    return BadParameter("The image is not valid base64")


def is_url(text: str) -> bool:
    """Whether a string is an http(s) URL; white space may stand before it."""
    return text.lstrip(_ENDS)[:8].lower().startswith(("http://", "https://"))


def is_data_uri(text: str) -> bool:
    """Whether a string is a data URI; white space may stand before it."""
    return text.lstrip(_ENDS)[:5].lower() == "data:"


def linked_image(text: str, max_bytes: int) -> ImageSource:
    """An image given as http(s) URL or data URI.

    Raises:
        BadParameter: it is neither, or the data URI does not decode.
        ImageTooLarge: the data URI holds more than `max_bytes`.
    """
    if is_url(text):
        return ImageUrl(text)
    if is_data_uri(text):
        return ImageBytes(decode_data_uri(text, max_bytes))
    raise BadParameter("The image must be an http(s) URL or a data URI")


def written_image(text: str, max_bytes: int) -> ImageSource:
    """An image given as http(s) URL, data URI or bare base64.

    Raises:
        BadParameter: it does not decode.
        ImageTooLarge: it holds more than `max_bytes`.
    """
    if is_url(text) or is_data_uri(text):
        return linked_image(text, max_bytes)
    return ImageBytes(decode_base64(text, max_bytes))

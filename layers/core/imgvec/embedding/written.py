"""Images that come as text: URLs, base64 (RFC 4648, sections 4 and 5), data URIs (RFC 2397).

Base64 is read as browsers do (WHATWG Infra, "forgiving-base64 decode"): the encoders of Android,
Java, PHP and Ruby and the command `base64` wrap lines or end with a line break.
"""

from typing import Final

import pybase64

from imgvec.embedding.types import ImageBytes, ImageSource, ImageUrl
from imgvec.errors import BadParameter, TooLarge

_PADDING: Final = 2
"""Characters of padding at most."""
_WHITE_SPACE: Final = "\t\n\f\r "
"""As in the URL Standard: ASCII only."""
_AROUND: Final = f"{_WHITE_SPACE}\u3000"
"""Ignored around a URL: white space, and the one that East Asian keyboards type."""
# The characters of base64, and the white space in it, that some clients escape inside a URI.
_ESCAPES = {
    escape: character
    for character in f"+/={_WHITE_SPACE}"
    for escape in (f"%{ord(character):02X}", f"%{ord(character):02x}")
}


def decode_base64(text: str, max_bytes: int, spaces: str = "") -> bytes:
    """Decode base64 of the standard or the URL-safe alphabet, not a mixture.

    White space is ignored. Padding may be absent; where it is given it must be right. The size is
    judged by the length of the text, before anything is decoded.

    Args:
        text: the base64.
        max_bytes: the largest image.
        spaces: the meaning of spaces inside: `+` in a form or a query, which turn it into a space.

    Raises:
        TooLarge: the text stands for more than `max_bytes`.
        BadParameter: the text is empty or no base64.
    """
    text = _without_white_space(text, spaces)
    given = _padding_of(text)
    digits = len(text) - given
    if digits * 3 // 4 > max_bytes:
        raise TooLarge
    if not digits:
        raise BadParameter("The image is empty")
    due = -digits % 4
    if given not in (0, due):
        raise _no_base64()
    url_safe = "-" in text or "_" in text
    if url_safe and ("+" in text or "/" in text):
        raise _no_base64()
    padded = text if given else text + "=" * due
    try:
        return pybase64.b64decode(padded, b"-_" if url_safe else None, validate=True)
    except ValueError:
        raise _no_base64() from None


def _without_white_space(text: str, spaces: str) -> str:
    """Looking for a character is quick, and most texts have none of these."""
    text = text.strip(_WHITE_SPACE).replace(" ", spaces)
    for character in _WHITE_SPACE:
        if character in text:
            text = text.replace(character, "")
    return text


def _padding_of(text: str) -> int:
    """Characters of padding; as long as they are few, without a copy of megabytes of text."""
    end = text[-_PADDING - 1 :]
    given = len(end) - len(end.rstrip("="))
    return given if given <= _PADDING else len(text) - len(text.rstrip("="))


def decode_data_uri(uri: str, max_bytes: int, spaces: str = "") -> bytes:
    """Decode a base64 data URI; `spaces` as in `decode_base64`.

    The media type and its parameters are not looked at: the bytes tell what the image is.

    Raises:
        TooLarge: the URI holds more than `max_bytes`.
        BadParameter: it is no data URI, not marked as base64, empty, or no base64.
    """
    head, comma, payload = uri.partition(",")
    scheme, colon, label = head.lstrip(_AROUND).partition(":")
    if not (comma and colon) or scheme.lower() != "data":
        raise BadParameter("The image is no data URI")
    if "base64" not in (part.strip().lower() for part in label.split(";")[1:]):
        raise BadParameter("The data URI is not marked as base64")
    if "%" in payload:
        for escape, character in _ESCAPES.items():
            payload = payload.replace(escape, character)
    return decode_base64(payload, max_bytes, spaces)


def _no_base64() -> BadParameter:
    return BadParameter("The image is not valid base64")


def is_url(text: str) -> bool:
    """Whether a string is an http(s) URL."""
    return text.lstrip(_AROUND)[:8].lower().startswith(("http://", "https://"))


def is_data_uri(text: str) -> bool:
    """Whether a string is a data URI."""
    return text.lstrip(_AROUND)[:5].lower() == "data:"


def linked_image(text: str, max_bytes: int, spaces: str = "") -> ImageSource:
    """An image given as http(s) URL or data URI; `spaces` as in `decode_base64`.

    Raises:
        BadParameter: it is neither, or the data URI does not decode.
        TooLarge: the data URI holds more than `max_bytes`.
    """
    if is_url(text):
        return ImageUrl(text)
    if is_data_uri(text):
        return ImageBytes(decode_data_uri(text, max_bytes, spaces))
    raise BadParameter("The image must be an http(s) URL or a data URI")


def written_image(text: str, max_bytes: int, spaces: str = "") -> ImageSource:
    """An image given as http(s) URL, data URI or bare base64; `spaces` as in `decode_base64`.

    Raises:
        BadParameter: it does not decode.
        TooLarge: it holds more than `max_bytes`.
    """
    if is_url(text) or is_data_uri(text):
        return linked_image(text, max_bytes, spaces)
    return ImageBytes(decode_base64(text, max_bytes, spaces))

"""How an image is written down; told apart by prefix, never by trying."""

from imgvec.errors import BadParameter
from imgvec.images.inline import decode_base64, decode_data_uri
from imgvec.values import ImageSource, Inline, Url


def is_url(text: str) -> bool:
    """Whether a string means an address."""
    return text[:8].lower().startswith(("http://", "https://"))


def is_data_uri(text: str) -> bool:
    """Whether a string means a data URI."""
    return text[:5].lower() == "data:"


def linked_image(text: str, max_bytes: int) -> ImageSource:
    """An image given as http(s) URL or data URI.

    Raises:
        BadParameter: it is neither, or the data URI does not decode.
        TooLarge: the data URI holds more than `max_bytes`.
    """
    if is_url(text):
        return Url(text)
    if is_data_uri(text):
        return Inline(decode_data_uri(text, max_bytes))
    raise BadParameter("The image must be an http(s) URL or a data URI")


def written_image(text: str, max_bytes: int) -> ImageSource:
    """An image given as http(s) URL, data URI or bare base64.

    Raises:
        BadParameter: it does not decode.
        TooLarge: it holds more than `max_bytes`.
    """
    if is_url(text) or is_data_uri(text):
        return linked_image(text, max_bytes)
    return Inline(decode_base64(text, max_bytes))

"""Parses the image of a request: URL, data URI or base64, distinguished by prefix only."""

from imgvec.embedding.types import ImageBytes, ImageSource, ImageUrl
from imgvec.errors import BadParameter
from imgvec.images.inline import decode_base64, decode_data_uri


def is_url(text: str) -> bool:
    """Whether a string is an http(s) URL."""
    return text[:8].lower().startswith(("http://", "https://"))


def is_data_uri(text: str) -> bool:
    """Whether a string is a data URI."""
    return text[:5].lower() == "data:"


def linked_image(text: str, max_bytes: int) -> ImageSource:
    """An image given as http(s) URL or data URI.

    Raises:
        BadParameter: it is neither, or the data URI does not decode.
        TooLarge: the data URI holds more than `max_bytes`.
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
        TooLarge: it holds more than `max_bytes`.
    """
    if is_url(text) or is_data_uri(text):
        return linked_image(text, max_bytes)
    return ImageBytes(decode_base64(text, max_bytes))

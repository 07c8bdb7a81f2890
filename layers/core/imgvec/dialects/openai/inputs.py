"""Forms of an input: strings, objects, lists of parts, messages."""

from collections.abc import Callable, Sequence
from typing import Final

from imgvec.api.fields import Fields
from imgvec.embedding.types import ImageInput, Input, Part, TextInput
from imgvec.embedding.written import linked_image, written_image
from imgvec.errors import BadParameter, RequestError

NO_TEXT: Final = (
    "token ids are not served here: send text (langchain: check_embedding_ctx_length=False)"
)
IMAGE_KEYS: Final = frozenset({"image", "url", "bytes"})
LABEL: Final = 100
"""Characters in which the media type of a data URI has to end."""


class Reader:
    """Reads inputs whose images have at most so many bytes each."""

    def __init__(self, max_image: int) -> None:
        """`max_image` is in bytes."""
        self._max_image = max_image

    def inputs(self, given: Fields) -> tuple[Input, ...]:
        """The inputs of `/embeddings`: exactly one of `input` and `messages`.

        Raises:
            BadParameter: both, none, an empty one, or one that cannot be read; with its place.
            TooLarge: an image has too many bytes.
        """
        listed, messages = given.one("input"), given.one("messages")
        if (listed is None) == (messages is None):
            raise _about("input", "Give exactly one of 'input' and 'messages'")
        if messages is not None:
            return self._messages("messages", messages)
        modality = given.text("modality") or "text"
        if modality not in ("text", "image"):
            raise _about("modality", "'modality' must be 'text' or 'image'")
        items = listed if isinstance(listed, list) else [listed]
        if not items:
            raise _about("input", "'input' is empty")
        if _are_messages(items):
            return self._messages("input", items)
        read = self._item if modality == "text" else self._image_item
        return _each("input", items, read)

    def contents(self, given: Fields) -> tuple[Input, ...]:
        """The inputs of `/multimodalembeddings`: a list of objects with a list of parts.

        Raises:
            BadParameter: there is none, or one cannot be read; with its place.
            TooLarge: an image has too many bytes.
        """
        items = given.one("inputs")
        if not isinstance(items, list) or not items:
            raise _about("inputs", "'inputs' must be a list that is not empty")
        return _each("inputs", items, self._content)

    def _item(self, item: object) -> Input:
        if isinstance(item, str):
            return (self._text(item),)
        if isinstance(item, list) and _are_messages(item):
            return self._conversation(item)
        if isinstance(item, int | float | list):
            raise BadParameter(NO_TEXT)
        if isinstance(item, dict) and item.get("content") is not None:
            return self._content(item)
        if isinstance(item, dict):
            return self._object(item)
        raise BadParameter("an input must be a string or an object")

    def _image_item(self, item: object) -> Input:
        return (self._image(item),) if isinstance(item, str) else self._item(item)

    def _object(self, item: dict[str, object]) -> Input:
        """`text` and an image beside each other are one input, in the order in which they stand."""
        parts = [
            self._text(value) if name == "text" else self._image(value)
            for name, value in item.items()
            if value is not None and (name == "text" or name in IMAGE_KEYS)
        ]
        images = sum(isinstance(part, ImageInput) for part in parts)
        if not parts or images > 1:
            raise BadParameter("give 'text', one of 'image', 'url' and 'bytes', or 'content'")
        return tuple(parts)

    def _content(self, item: object) -> Input:
        content = item.get("content") if isinstance(item, dict) else None
        if isinstance(content, str):
            return (self._text(content),)
        if not isinstance(content, list) or not content:
            raise BadParameter("'content' must be a list of parts that is not empty")
        return tuple(self._part(part) for part in content)

    def _part(self, part: object) -> Part:
        if isinstance(part, dict):
            match part.get("type"):
                case "text":
                    return self._text(part.get("text"))
                case "image_url":
                    link = part.get("image_url")
                    return self._image(link.get("url") if isinstance(link, dict) else link)
                case "image_base64":
                    return self._image(part.get("image_base64"))
        raise BadParameter("a part's 'type' must be 'text', 'image_url' or 'image_base64'")

    def _messages(self, name: str, messages: object) -> tuple[Input, ...]:
        """A list of messages is one input; a list of such lists is one input each."""
        if isinstance(messages, list) and _are_messages(messages):
            return _each(name, [messages], self._conversation)
        if not isinstance(messages, list) or not messages:
            raise _about(name, f"{name!r} must be a list that is not empty")
        return _each(name, messages, self._conversation)

    def _conversation(self, messages: object) -> Input:
        """The parts of all messages; the roles do not change a vector."""
        if not isinstance(messages, list) or not _are_messages(messages):
            raise BadParameter("messages must be objects with 'role' and 'content'")
        return tuple(part for message in messages for part in self._content(message))

    def _text(self, text: object) -> Part:
        """A text, or the image that it is a data URI of: some clients send images so."""
        if not isinstance(text, str) or not text:
            raise BadParameter("a text must be a string that is not empty")
        label = text[:LABEL].partition(",")[0].lower()
        if label.startswith("data:image/") and label.endswith(";base64"):
            return ImageInput(linked_image(text, self._max_image))
        return TextInput(text)

    def _image(self, image: object) -> Part:
        if not isinstance(image, str) or not image:
            raise BadParameter("an image must be a URL, a data URI or base64")
        return ImageInput(written_image(image, self._max_image))


def _are_messages(items: list[object]) -> bool:
    return bool(items) and all(isinstance(item, dict) and "role" in item for item in items)


def _each(name: str, items: Sequence[object], read: Callable[[object], Input]) -> tuple[Input, ...]:
    inputs = []
    for position, item in enumerate(items):
        try:
            inputs.append(read(item))
        except RequestError as error:
            error.param, error.position = name, position
            raise
    return tuple(inputs)


def _about(param: str, message: str) -> BadParameter:
    error = BadParameter(message)
    error.param = param
    return error

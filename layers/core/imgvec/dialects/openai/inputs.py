"""Forms of an input: strings, objects, lists of parts, messages."""

from dataclasses import dataclass
from typing import Final

from imgvec.api.fields import Fields
from imgvec.api.parts import Parts, each_input
from imgvec.embedding.types import ImageInput, Input
from imgvec.errors import BadParameter

NO_TEXT: Final = (
    "token ids are not served here: send text (langchain: check_embedding_ctx_length=False)"
)
IMAGE_KEYS: Final = frozenset({"image", "url", "bytes"})
IMAGE_TYPE: Final = "image_base64"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the inputs of a request."""

    parts: Parts

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
        return each_input("input", items, self._item if modality == "text" else self._image_item)

    def contents(self, given: Fields) -> tuple[Input, ...]:
        """The inputs of `/multimodalembeddings`: a list of objects with a list of parts.

        Raises:
            BadParameter: there is none, or one cannot be read; with its place.
            TooLarge: an image has too many bytes.
        """
        items = given.one("inputs")
        if not isinstance(items, list) or not items:
            raise _about("inputs", "'inputs' must be a list that is not empty")
        return each_input("inputs", items, self._content)

    def _item(self, item: object) -> Input:
        if isinstance(item, str):
            return (self.parts.text(item),)
        if isinstance(item, list) and _are_messages(item):
            return self._conversation(item)
        if isinstance(item, int | float | list):
            raise BadParameter(NO_TEXT)
        if isinstance(item, dict) and item.get("content") is not None:
            return self._content(item)
        if isinstance(item, dict):
            return self._object(item)
        raise BadParameter("An input must be a string or an object")

    def _image_item(self, item: object) -> Input:
        return (self.parts.image(item),) if isinstance(item, str) else self._item(item)

    def _object(self, item: dict[str, object]) -> Input:
        """`text` and an image beside each other are one input, in the order in which they stand."""
        parts = [
            self.parts.text(value) if name == "text" else self.parts.image(value)
            for name, value in item.items()
            if value is not None and (name == "text" or name in IMAGE_KEYS)
        ]
        images = sum(isinstance(part, ImageInput) for part in parts)
        if not parts or images > 1:
            raise BadParameter("Give 'text', one of 'image', 'url' and 'bytes', or 'content'")
        return tuple(parts)

    def _content(self, item: object) -> Input:
        if isinstance(item, dict) and isinstance(item.get("content"), str):
            return (self.parts.text(item["content"]),)
        return self.parts.content(item, IMAGE_TYPE)

    def _messages(self, name: str, messages: object) -> tuple[Input, ...]:
        """A list of messages is one input; a list of such lists is one input each."""
        if not isinstance(messages, list) or not messages:
            raise _about(name, f"{name!r} must be a list that is not empty")
        lists = [messages] if _are_messages(messages) else messages
        return each_input(name, lists, self._conversation)

    def _conversation(self, messages: object) -> Input:
        """The parts of all messages; the roles do not change a vector."""
        if not isinstance(messages, list) or not _are_messages(messages):
            raise BadParameter("Messages must be objects with 'role' and 'content'")
        return tuple(part for message in messages for part in self._content(message))


def _are_messages(items: list[object]) -> bool:
    return bool(items) and all(isinstance(item, dict) and "role" in item for item in items)


def _about(param: str, message: str) -> BadParameter:
    error = BadParameter(message)
    error.param = param
    return error

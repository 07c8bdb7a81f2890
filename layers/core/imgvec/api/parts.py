"""Parts of inputs, as the dialects that take lists read them."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from imgvec.embedding.types import ImageInput, Input, Part, TextInput
from imgvec.embedding.written import linked_image, written_image
from imgvec.errors import BadParameter, RequestError

_IMAGE_URI: Final = re.compile(
    r"\s*data:image/[^,\s]*;base64,[\w+/=%\s-]*", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Parts:
    """Reads texts and images; an image has at most `max_image` bytes."""

    max_image: int

    def image(self, image: object) -> Part:
        """A URL, a data URI or base64.

        Raises:
            BadParameter: it is none of them.
            TooLarge: it has too many bytes.
        """
        if not isinstance(image, str) or not image:
            raise BadParameter("An image must be a URL, a data URI or base64")
        return ImageInput(written_image(image, self.max_image))

    def text(self, text: object) -> Part:
        """A text, or the image that it is a data URI of: some clients send images so.

        Raises:
            BadParameter: it is no string, or an empty one.
            TooLarge: the image has too many bytes.
        """
        written = text_of(text)
        if is_image(written):
            return ImageInput(linked_image(written, self.max_image))
        return TextInput(written)

    def text_alone(self, text: object) -> Part:
        """A text where images have a list of their own.

        Raises:
            BadParameter: it is no string, an empty one, or the data URI of an image.
        """
        written = text_of(text)
        if is_image(written):
            raise BadParameter("This is an image, give it in 'images'")
        return TextInput(written)

    def content(self, item: object, image_type: str) -> Input:
        """The parts in an object's `content`: `text`, `image_url`, and `image_type` by its name.

        Raises:
            BadParameter: there is none, or one of another type.
            TooLarge: an image has too many bytes.
        """
        content = item.get("content") if isinstance(item, dict) else None
        if not isinstance(content, list) or not content:
            raise BadParameter("'content' must be a list of parts that is not empty")
        return tuple(self._part(part, image_type) for part in content)

    def listed(self, name: str, items: Sequence[object]) -> tuple[Input, ...]:
        """The inputs of a list of Cohere's: `texts`, `images`, or `inputs` of parts.

        Raises:
            RequestError: one cannot be read; the error has its place.
        """
        readers: dict[str, Callable[[object], Input]] = {
            "texts": lambda item: (self.text_alone(item),),
            "images": lambda item: (self.image(item),),
            "inputs": lambda item: self.content(item, "image"),
        }
        return each_input(name, items, readers[name])

    def _part(self, part: object, image_type: str) -> Part:
        if isinstance(part, dict):
            kind = part.get("type")
            if kind == "text":
                return self.text(part.get("text"))
            if kind == "image_url":
                link = part.get("image_url")
                return self.image(link.get("url") if isinstance(link, dict) else link)
            if kind == image_type:
                return self.image(part.get(image_type))
        raise BadParameter(f"A part's 'type' must be 'text', 'image_url' or {image_type!r}")


@contextmanager
def in_list(name: str | None) -> Iterator[None]:
    """Say in errors of the block which list an input at fault is in; None for no list."""
    try:
        yield
    except RequestError as error:
        error.param = name
        raise


def text_of(value: object) -> str:
    """A text.

    Raises:
        BadParameter: it is no string, or an empty one.
    """
    if not isinstance(value, str) or not value:
        raise BadParameter("A text must be a string that is not empty")
    return value


def is_image(text: str) -> bool:
    """Whether a text is wholly the data URI of an image."""
    return _IMAGE_URI.fullmatch(text) is not None


def each_input(
    name: str, items: Sequence[object], read: Callable[[object], Input]
) -> tuple[Input, ...]:
    """Read the items of a list; an error says which one is at fault.

    Raises:
        RequestError: as `read`, with `name` and the place in the list.
    """
    inputs = []
    for position, item in enumerate(items):
        try:
            inputs.append(read(item))
        except RequestError as error:
            error.param, error.position = name, position
            raise
    return tuple(inputs)

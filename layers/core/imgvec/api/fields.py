"""Named fields of a query, a JSON object or a form, all read by the same rules."""

import hashlib
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from imgvec.errors import BadParameter


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a form."""

    filename: str
    data: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, 64 hex digits."""
        return hashlib.sha256(self.data).hexdigest()


Item: TypeAlias = tuple[str, object]


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields in the order they came; a form may repeat a name. JSON's null counts as absent."""

    items: tuple[Item, ...] = ()

    def beside(self, others: "Fields") -> "Fields":
        """These fields and others, as one."""
        return Fields(self.items + others.items)

    def every(self, name: str) -> list[object]:
        """All values of a name."""
        return [value for key, value in self.items if key == name and value is not None]

    def one(self, name: str) -> object | None:
        """The value of a name, None where absent.

        Raises:
            BadParameter: the name is given more than once.
        """
        values = self.every(name)
        if len(values) > 1:
            raise BadParameter(f"{name!r} is given more than once")
        return values[0] if values else None

    def text(self, name: str) -> str | None:
        """A string; an empty one counts as absent.

        Raises:
            BadParameter: it is of another type.
        """
        value = self.one(name)
        if value is not None and not isinstance(value, str):
            raise BadParameter(f"{name!r} must be a string")
        return value or None

    def integer(self, name: str) -> int | None:
        """An integer, or a string of decimal digits.

        Raises:
            BadParameter: it is anything else.
        """
        value = self.one(name)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 9:
            return int(value)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise BadParameter(f"{name!r} must be an integer")

    def uploads(self, name: str) -> list[Upload]:
        """All file parts of a name.

        Raises:
            BadParameter: a field is no file, or an empty one.
        """
        return [_file(name, value) for value in self.every(name)]

    def upload(self, name: str) -> Upload | None:
        """A file part.

        Raises:
            BadParameter: the field is no file, or an empty one.
        """
        value = self.one(name)
        return None if value is None else _file(name, value)


NO_FIELDS: Final = Fields()


def _file(name: str, value: object) -> Upload:
    if not isinstance(value, Upload):
        raise BadParameter(f"{name!r} must be a file: a part of a form, with a filename")
    if not value.data:
        raise BadParameter(f"{name!r} must be a file that is not empty")
    return value


def fingerprint(fields: Fields) -> str:
    """SHA-256 over all fields except the API key, 64 hex digits; equal for equal fields."""
    written = orjson.dumps(
        [item for item in fields.items if item[0] != "key"],
        default=lambda upload: [upload.filename, upload.digest],
        option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS,
    )
    return hashlib.sha256(written).hexdigest()

"""Reads keys and images from PixLab's requests, and stores files."""

import re
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from imgvec.api.fields import Fields
from imgvec.api.mounts import public_base, services_of
from imgvec.api.request import MULTIPART, Call, read_call
from imgvec.dialects.pixlab import HEAD
from imgvec.embedding.types import AssetRef, ImageBytes, ImageInput, ImageSource, Part
from imgvec.embedding.written import is_url, written_image
from imgvec.errors import BadParameter, WrongContentType
from imgvec.ids import LINK_ID, link_id

MAX_INPUTS: Final = 100
STORE_PATH: Final = re.compile(rf".*/store/(?P<id>{LINK_ID})")


def keys_of(call: Call) -> frozenset[str]:
    """Every key in a request: header, query, body. One anywhere is enough.

    Raises:
        RequestError: there is no key, and the body that may hold one cannot be read: the response
            has the error of the body.
    """
    shown = [
        *HEAD.keys(call.headers.items()),
        *call.query.every("key"),
        *call.body.every("key"),
    ]
    # A key of another type than string is a wrong key, not a missing one.
    keys = frozenset(key if isinstance(key, str) else "mistyped" for key in shown) - {""}
    # Without a content type there may be no body at all.
    typed = "content-type" in call.headers or not isinstance(call.problem, WrongContentType)
    if not keys and call.problem is not None and typed:
        raise call.problem
    return keys


def images_in(given: Fields, max_image: int) -> tuple[list[Part], bool]:
    """The images of a request, and whether they came as a list.

    Exactly one of `file` (which a form may repeat), `img` (which may be a list) and `url`.

    Raises:
        BadParameter: none, several, too many, or one that does not decode.
        TooLarge: one is longer than `max_image` bytes.
    """
    files = given.uploads("file")
    img, url = given.one("img"), given.text("url")
    listed = isinstance(img, list)
    written: list[object] = img if isinstance(img, list) else [given.text("img") or url]
    if sum((bool(files), bool(img), url is not None)) != 1:
        raise BadParameter("Give exactly one of 'img', 'url' and 'file'")
    if files:
        return [ImageInput(ImageBytes(file.data)) for file in files], len(files) > 1
    texts = [text for text in written if isinstance(text, str) and text]
    if len(texts) < len(written) or len(texts) > MAX_INPUTS:
        raise BadParameter(f"'img' must be a string or 1 to {MAX_INPUTS} strings, none empty")
    return [ImageInput(_source(text, max_image)) for text in texts], listed


def _source(text: str, max_image: int) -> ImageSource:
    """The source of an image. A link to `/store` is read from the store, never fetched."""
    if is_url(text):
        with suppress(ValueError):
            match = STORE_PATH.fullmatch(urlsplit(text.strip()).path)
            if match:
                return AssetRef(match["id"])
    return written_image(text, max_image)


async def store_file(request: Request) -> tuple[str, str]:
    """Store an uploaded file for its consumer; returns its link and id.

    Raises:
        RequestError: the key, the form or the size is wrong.
    """
    services = services_of(request)
    call = await read_call(request, (MULTIPART,), services.settings.max_body)
    principal = await services.admit(keys_of(call))
    upload = call.fields.upload("file")
    if upload is None:
        raise BadParameter("'file' is missing")
    asset_id = link_id()
    await services.call(
        services.assets.upload, principal.consumer, upload.filename, upload.data, asset_id
    )
    return f"{public_base(request)}/store/{asset_id}", asset_id

"""Where PixLab's callers put keys and images, and the files they store."""

import re
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from imgvec.dialects.call import MULTIPART, Call, read_call
from imgvec.dialects.fields import Fields
from imgvec.dialects.protocol import front_of, public_base
from imgvec.errors import BadParameter, WrongContentType
from imgvec.ids import LINK_ID, link_id
from imgvec.images.sources import is_url, written_image
from imgvec.values import ImageSource, Inline, StoredAsset

STORE_PATH: Final = re.compile(rf".*/store/(?P<id>{LINK_ID})")


def keys_of(call: Call) -> frozenset[str]:
    """Every key in a request: header, query, body. One anywhere is enough.

    Raises:
        RequestError: there is none, and the body that may hold one cannot be read: no key was
            judged, so the caller is told what is wrong with the body.
    """
    shown = [
        *call.headers.getlist("www-authenticate"),
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


def named_image(given: Fields, max_image: int) -> ImageSource:
    """The image of a request: exactly one of `file`, `img` and `url`.

    Raises:
        BadParameter: none, several, or one that does not decode.
        TooLarge: it is longer than `max_image` bytes.
    """
    upload = given.upload("file")
    texts = [text for name in ("img", "url") if (text := given.text(name)) is not None]
    if len(texts) + (upload is not None) != 1:
        raise BadParameter("Give exactly one of 'img', 'url' and 'file'")
    if upload is not None:
        return Inline(upload.data)
    return _stored(texts[0]) or written_image(texts[0], max_image)


def _stored(text: str) -> StoredAsset | None:
    """Our own link, told by path and id; it is read from the store and never fetched."""
    if not is_url(text):
        return None
    try:
        match = STORE_PATH.fullmatch(urlsplit(text).path)
    except ValueError:
        return None
    return StoredAsset(match["id"]) if match else None


async def store_file(request: Request) -> tuple[str, str]:
    """Keep an uploaded file for its consumer; gives its link and id.

    Raises:
        RequestError: the key, the form or the size is wrong.
    """
    front = front_of(request)
    call = await read_call(request, (MULTIPART,), front.settings.max_body)
    caller = await front.admit(keys_of(call))
    upload = call.fields.upload("file")
    if upload is None:
        raise BadParameter("'file' is missing")
    asset_id = link_id()
    await front.store(front.assets.upload, caller.consumer, upload.filename, upload.data, asset_id)
    return f"{public_base(request)}/store/{asset_id}", asset_id

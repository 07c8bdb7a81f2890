"""A contact sheet: one HTML file with thumbnails inside, which loads nothing from elsewhere."""

import base64
import hashlib
import html
import os
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image

from imgvec.errors import RequestError
from imgvec.images.decode import ImageLimits, decode
from imgvec.types import CLIP_GEOMETRY

SIDE: Final = 192
"""Pixels of a thumbnail, which is the middle of its photo."""
STYLE: Final = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:24px;color:#222;background:#fff}"
    "section{display:flex;flex-wrap:wrap;gap:12px;margin:0 0 24px}"
    "figure{margin:0;width:192px}img,.none{width:192px;height:192px;background:#ddd}"
    "figcaption{overflow-wrap:anywhere}.none{display:grid;place-items:center}"
)
DIGEST: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = f"default-src 'none'; img-src data:; style-src 'sha256-{DIGEST}'"


class Picture(NamedTuple):
    """A photo of a sheet and what is said of it."""

    path: str
    caption: str


class Section(NamedTuple):
    """Photos below a heading."""

    heading: str
    pictures: list[Picture]


def sheet(title: str, sections: Iterable[Section], limits: ImageLimits) -> Iterator[str]:
    """The pieces of the file."""
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style></head>\n"
        f"<body><h1>{_text(title)}</h1>\n"
    )
    for section in sections:
        yield f"<h2>{_text(section.heading)}</h2>\n<section>\n"
        for picture in section.pictures:
            yield _figure(picture, limits)
        yield "</section>\n"
    yield "</body></html>\n"


def _figure(picture: Picture, limits: ImageLimits) -> str:
    name = _text(Path(picture.path).name)
    thumbnail = _thumbnail(picture.path, limits)
    shown = '<div class="none">not readable</div>'
    if thumbnail is not None:
        data = base64.b64encode(thumbnail).decode()
        shown = f'<img alt="{name}" src="data:image/jpeg;base64,{data}">'
    link = html.escape(Path(picture.path).as_uri())
    return (
        f'<figure><a href="{link}">{shown}</a>'
        f"<figcaption>{_text(picture.caption)} {_text(picture.path)}</figcaption></figure>\n"
    )


def _thumbnail(path: str, limits: ImageLimits) -> bytes | None:
    try:
        data = Path(path).read_bytes()
        pixels = decode(data, SIDE, limits, CLIP_GEOMETRY)
    except (RequestError, OSError):
        return None
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=80)
    return file.getvalue()


def _text(text: str) -> str:
    """Text that is safe in HTML; what is no character of it is replaced."""
    known = os.fsencode(text).decode(errors="replace")
    return html.escape("".join(one if one.isprintable() else "\ufffd" for one in known))

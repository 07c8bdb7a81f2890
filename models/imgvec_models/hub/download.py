"""One file over HTTP: resumed where it stopped, checked while it streams."""

import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx2

from imgvec import __version__
from imgvec.errors import ModelError
from imgvec_models.hub.partial import Partial, Received, Watch
from imgvec_models.hub.recipe import RemoteFile

TIMEOUT: Final = httpx2.Timeout(60, connect=15)
HEADERS: Final = {"User-Agent": f"imgvec/{__version__}", "Accept-Encoding": "identity"}
MEGABYTE: Final = 1_000_000


@contextmanager
def open_client() -> Iterator[httpx2.Client]:
    """A client that follows redirects, and uses a proxy only where HTTPS_PROXY (or HTTP_PROXY,
    ALL_PROXY, less NO_PROXY) names one."""
    with httpx2.Client(headers=HEADERS, timeout=TIMEOUT, follow_redirects=True) as client:
        yield client


def download(
    client: httpx2.Client, file: RemoteFile, hub: str, partial: Partial, watch: Watch
) -> Received:
    """Pull one file into `partial`, which puts it in place.

    A file that was begun is resumed if the server still has the version that was begun.

    Raises:
        ModelError: the hub cannot be reached or refuses, the transfer was cut, the disk is full,
            or the file is another than the recipe's; one sentence, with what to do.
    """
    begun = partial.resumable()
    if begun is not None and begun[0] == file.size:
        return partial.fill(file, (), watch)
    headers = {} if begun is None else {"Range": f"bytes={begun[0]}-", "If-Range": begun[1]}
    url = file.url(hub)
    with _told(file, url), client.stream("GET", url, headers=headers) as response:
        if response.status_code == 416:
            # There is nothing behind what has arrived, so that was something else.
            partial.discard()
            raise ModelError(f"{_named(file)} was begun and has changed: run it again")
        kept = _resumed_at(response) if begun is not None else None
        if begun is None or kept != begun[0]:
            _refuse_status(response, file)
            partial.restart(response.headers.get("ETag"))
            kept = 0
        _refuse_size(response, file, kept, partial)
        return partial.fill(file, response.iter_raw(), watch)


def _resumed_at(response: httpx2.Response) -> int | None:
    """Where a partial answer starts; None for a whole one."""
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(start) if response.status_code == 206 and start.isdecimal() else None


def _refuse_status(response: httpx2.Response, file: RemoteFile) -> None:
    status = response.status_code
    if status == 200:
        return
    if status == 404:
        raise ModelError(
            f"{_named(file)} is not at {response.url.host} (404): correct the recipe or IMGVEC_HUB"
        )
    if status in (401, 403):
        raise ModelError(
            f"{_named(file)} needs a login at {response.url.host} ({status}): pull it with the "
            "hub's own tool, then use --from FOLDER"
        )
    raise ModelError(f"{response.url.host} answered {status} for {_named(file)}: try again later")


def _refuse_size(response: httpx2.Response, file: RemoteFile, kept: int, partial: Partial) -> None:
    """Refuse what is known to be too much before the first byte: for the recipe, for the disk."""
    announced = response.headers.get("Content-Length", "")
    if not announced.isdecimal():
        return
    left = int(announced)
    if file.size is not None and kept + left != file.size:
        partial.discard()
        raise ModelError(
            f"{_named(file)} has the wrong size ({kept + left} bytes, the recipe says "
            f"{file.size}): nothing of it is kept"
        )
    folder = partial.target.parent
    free = shutil.disk_usage(folder).free
    if free < left:
        raise ModelError(
            f"The disk is full at {folder}: {left / MEGABYTE:.0f} MB are needed, "
            f"{free / MEGABYTE:.0f} are free"
        )


@contextmanager
def _told(file: RemoteFile, url: str) -> Iterator[None]:
    """One sentence for whatever the network does."""
    where = httpx2.URL(url)
    host = where.host
    proxied = where.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)
    way = " through the proxy of HTTPS_PROXY" if proxied else ""
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError):
        raise ModelError(
            f"Cannot reach {host}{way}: connect to the internet, name a mirror in IMGVEC_HUB, "
            "or use --from FOLDER"
        ) from None
    except (httpx2.TransportError, KeyboardInterrupt):
        raise ModelError(
            f"{_named(file)} was interrupted: run it again, it goes on where it stopped"
        ) from None
    except httpx2.TooManyRedirects:
        raise ModelError(f"{host} redirects without end for {_named(file)}") from None


def _named(file: RemoteFile) -> str:
    return f"{file.repository}/{file.path}"

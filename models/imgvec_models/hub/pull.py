"""Pulling all files of a recipe, from the hub or from a folder."""

import hashlib
import logging
import shutil
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial as bind
from pathlib import Path
from typing import Final

import httpx2
from filelock import FileLock, Timeout
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import http_get

from imgvec.errors import ModelError
from imgvec_models.hub.files import difference, measure, present, pulled_folder, writing
from imgvec_models.hub.recipe import Received, Recipe, RemoteFile, Role
from imgvec_models.progress import Say

# Ranges count bytes of the file itself.
HEADERS: Final = {"Accept-Encoding": "identity"}


def pull(
    recipe: Recipe, models: Path, hub: str | None, source: Path | None, say: Say
) -> Mapping[Role, Received]:
    """Bring all files of `recipe` into place; those that are there and right are left alone.

    `hub` is a base URL; None is that of HF_ENDPOINT, else Hugging Face's. With `source` nothing
    goes over the network: the files are copied from that folder, where they lie as
    `<repository>/<path>`.

    Raises:
        ModelError: a file could not be had, or is another than the recipe's; one sentence.
    """
    folder = pulled_folder(models, recipe.name)
    # The client tells of each attempt, with the address; the sentence at the end is enough.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    with locked(folder, bind(say, f"Another pull of {recipe.name} is running: waiting")):
        received: dict[Role, Received] = {}
        for role, file in recipe.files.items():
            target = folder / recipe.local_path(role)
            found = present(target, file)
            if found is None:
                if source is None:
                    partial = _download(file, hub, target)
                else:
                    partial = _copy(source, file, target)
                found = _place(partial, target, file)
            received[role] = found
        return received


@contextmanager
def locked(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Make `folder` and hold it for this process; call `waiting` if another one holds it.

    Raises:
        ModelError: the folder cannot be written.
    """
    lock = FileLock(folder / ".lock")
    with writing(Path(lock.lock_file)):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            waiting()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download(file: RemoteFile, hub: str | None, target: Path) -> Path:
    """Download a file beside `target`, from where an earlier attempt stopped."""
    url = hf_hub_url(file.repository, file.path, revision=file.revision, endpoint=hub)
    with _sentences(file, url):
        found = get_hf_file_metadata(url, token=False)
        if file.size is not None and found.size not in (None, file.size):
            raise ModelError(
                f"{_named(file)} has the wrong size ({found.size} bytes, the recipe says "
                f"{file.size}): nothing of it is kept"
            )
        # A begun file is of one version of the source.
        version = hashlib.sha256((found.etag or "").encode()).hexdigest()[:12]
        partial = target.with_name(f"{target.name}.{version}.partial")
        for other in set(target.parent.glob(f"{target.name}.*partial")) - {partial}:
            other.unlink()
        with writing(target), partial.open("ab") as stream:
            if found.etag is None or stream.tell() > (found.size or stream.tell()):
                stream.seek(0)
                stream.truncate()
            http_get(
                found.location,
                stream,
                resume_size=stream.tell(),
                headers=HEADERS,
                expected_size=found.size,
                displayed_filename=target.name,
            )
    return partial


def _copy(source: Path, file: RemoteFile, target: Path) -> Path:
    path, partial = source / file.repository / file.path, target.with_name(target.name + ".partial")
    if not path.is_file():
        raise ModelError(f"{path} is missing or unreadable: put the file there")
    with writing(target):
        return shutil.copyfile(path, partial)


def _place(partial: Path, target: Path, file: RemoteFile) -> Received:
    """Give a file its name if it is the recipe's; nothing of another one is kept."""
    found = measure(partial)
    problem = difference(file, found)
    if problem is not None:
        partial.unlink()
        raise ModelError(f"{_named(file)} {problem}: nothing of it is kept")
    partial.replace(target)
    return found


@contextmanager
def _sentences(file: RemoteFile, url: str) -> Iterator[None]:
    """Say an error of the network or of the hub in one sentence."""
    where = httpx2.URL(url)
    host = where.host
    proxied = where.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)
    way = " through the proxy of HTTPS_PROXY" if proxied else ""
    try:
        yield
    except HfHubHTTPError as refusal:
        raise ModelError(_refusal(file, host, refusal.response.status_code)) from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, OfflineModeIsEnabled):
        raise ModelError(
            f"Cannot reach {host}{way}: connect to the internet, name a mirror in IMGVEC_HUB, "
            "or use --from FOLDER"
        ) from None
    except httpx2.TooManyRedirects:
        raise ModelError(f"{host} redirects without end for {_named(file)}") from None
    except (httpx2.TransportError, OSError, KeyboardInterrupt):
        raise ModelError(
            f"{_named(file)} was interrupted: run it again, it goes on where it stopped"
        ) from None


def _refusal(file: RemoteFile, host: str, status: int) -> str:
    if status == 404:
        return f"{_named(file)} is not at {host} (404): correct the recipe or IMGVEC_HUB"
    if status in (401, 403):
        return (
            f"{_named(file)} needs a login at {host} ({status}): pull it with the "
            "hub's own tool, then use --from FOLDER"
        )
    return f"{host} answered {status} for {_named(file)}: try again later"


def _named(file: RemoteFile) -> str:
    return f"{file.repository}/{file.path}"

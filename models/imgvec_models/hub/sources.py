"""Where files of a recipe come from: the hub, or a folder."""

import hashlib
import logging
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import httpx2
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url
from huggingface_hub.constants import ENDPOINT
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import http_get

from imgvec.errors import ModelError
from imgvec_models.hub.files import writing
from imgvec_models.hub.recipe import EXPORTED

# Ranges count bytes of the file itself.
HEADERS: Final = {"Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a repository, at a commit."""

    repository: str
    commit: str | None
    path: str
    size: int | None = None

    @property
    def name(self) -> str:
        """As a sentence names it."""
        return f"{self.repository}/{self.path}"


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a repository at one commit, and the licence that it states."""

    commit: str | None
    """None in a folder."""
    paths: frozenset[str]
    licence: str | None


class Source(Protocol):
    """Lists repositories, and brings their files."""

    def listing(self, repository: str, commit: str | None) -> Listing:
        """The files of a repository, at its newest commit where none is named."""
        ...

    def fetch(self, wanted: Wanted, target: Path) -> Path:
        """Bring a file into a folder beside its place; gives where it is."""
        ...


class Hub:
    """A hub by its address; None is that of HF_ENDPOINT, else Hugging Face's."""

    def __init__(self, address: str | None) -> None:
        """Quieten the client, which writes a line for each attempt: one sentence is enough."""
        self._address = address
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)

    def listing(self, repository: str, commit: str | None) -> Listing:
        """Ask the hub once.

        Raises:
            ModelError: the hub cannot be reached, or has no such repository.
        """
        if repository.startswith(EXPORTED):
            model = repository.removeprefix(EXPORTED).replace("__", "/")
            raise ModelError(
                f"{repository} is no repository of a hub: `imgvec models export "
                f"open_clip:{model}` writes it, and the line that it prints pulls it"
            )
        with _sentences(repository, self._address or ENDPOINT):
            info = HfApi(endpoint=self._address).model_info(
                repository, revision=commit, token=False
            )
        card = info.card_data
        licence = card.get("license") if card is not None else None
        paths = frozenset(file.rfilename for file in info.siblings or ())
        return Listing(info.sha, paths, licence if isinstance(licence, str) else None)

    def fetch(self, wanted: Wanted, target: Path) -> Path:
        """Download a file beside `target`, from where an earlier attempt stopped.

        Raises:
            ModelError: it is not there, has another size than the recipe says, or was interrupted.
        """
        url = hf_hub_url(
            wanted.repository, wanted.path, revision=wanted.commit, endpoint=self._address
        )
        with _sentences(wanted.name, url):
            found = get_hf_file_metadata(url, token=False)
            if wanted.size is not None and found.size not in (None, wanted.size):
                raise ModelError(
                    f"{wanted.name} has the wrong size ({found.size} bytes, the recipe says "
                    f"{wanted.size}): nothing of it is kept"
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


class Folder:
    """A folder of `<repository>/<path>`; nothing goes over the network."""

    def __init__(self, folder: Path) -> None:
        """Files are copied from `folder`."""
        self._folder = folder

    def listing(self, repository: str, commit: str | None) -> Listing:
        """The files that are there.

        Raises:
            ModelError: there are none.
        """
        place = self._folder / repository
        files = [path for path in place.rglob("*") if path.is_file()]
        if not files:
            raise ModelError(f"{place} has no files: put those of {repository} there")
        paths = frozenset(path.relative_to(place).as_posix() for path in files)
        return Listing(commit, paths, None)

    def fetch(self, wanted: Wanted, target: Path) -> Path:
        """Copy a file.

        Raises:
            ModelError: it is not there, or cannot be written.
        """
        path = self._folder / wanted.repository / wanted.path
        partial = target.with_name(f"{target.name}.partial")
        if not path.is_file():
            raise ModelError(f"{path} is missing or unreadable: put the file there")
        with writing(target):
            return shutil.copyfile(path, partial)


@contextmanager
def _sentences(name: str, url: str) -> Iterator[None]:
    """Say an error of the network or of the hub in one sentence."""
    where = httpx2.URL(url)
    host = where.host
    proxied = where.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)
    way = " through the proxy of HTTPS_PROXY" if proxied else ""
    try:
        yield
    except HfHubHTTPError as answer:
        raise ModelError(_answered(name, host, answer.response.status_code)) from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, OfflineModeIsEnabled):
        raise ModelError(
            f"Cannot reach {host}{way}: connect to the internet, name a mirror in IMGVEC_HUB, "
            "or use --from FOLDER"
        ) from None
    except httpx2.TooManyRedirects:
        raise ModelError(f"{host} redirects without end for {name}") from None
    except (httpx2.TransportError, OSError, KeyboardInterrupt):
        raise ModelError(
            f"{name} was interrupted: run it again, it goes on where it stopped"
        ) from None


def _answered(name: str, host: str, status: int) -> str:
    if status == 404:
        return f"{name} is not at {host} (404): correct the recipe or IMGVEC_HUB"
    if status in (401, 403):
        return (
            f"{name} needs a login at {host} ({status}): pull it with the "
            "hub's own tool, then use --from FOLDER"
        )
    return f"{host} answered {status} for {name}: try again later"

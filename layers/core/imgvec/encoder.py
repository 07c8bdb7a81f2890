"""Images and texts to vectors from Python, without a server: `from imgvec import Encoder`."""

import asyncio
import os
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Final, Self, TypeAlias, TypeVar

import numpy as np

from imgvec.embedding.compute import Compute
from imgvec.embedding.in_flight import InFlight
from imgvec.embedding.metered import NoAccounts
from imgvec.embedding.service import EmbeddingService
from imgvec.embedding.sources import Sources
from imgvec.embedding.types import (
    EmbedRequest,
    EmbedResult,
    ImageBytes,
    ImageInput,
    ImageSource,
    ImageUrl,
    TextInput,
)
from imgvec.embedding.written import is_url
from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.registry import configured_folders, load_encoders
from imgvec.errors import AssetNotFound, BadParameter, ImageTooLarge, RequestError
from imgvec.images.fetch import fetch_of
from imgvec.settings import Settings, load_settings
from imgvec.types import Principal, RequestContext, Vector, Vectors

T = TypeVar("T")
Image: TypeAlias = str | os.PathLike[str] | bytes
"""An image file's path, an http(s) URL, or the file's bytes."""
Read: TypeAlias = Callable[[], bytes]
"""Reads an image's file when its turn comes."""
Problem: TypeAlias = RequestError | OSError
"""The reason why an image or a text has no vector."""

AHEAD: Final = 32
"""Inputs that are in work at the same time; their order is kept."""
OPERATOR: Final = Principal("operator", "")
LOCAL: Final = RequestContext("", "local", "")


@dataclass(frozen=True, slots=True)
class Embedded:
    """An image's vector, and the SHA-256 of its file in hex."""

    vector: Vector
    sha256: str


class Encoder:
    """An encoder in this process, with the preprocessing, limits and vectors of the service.

    Calls are thread-safe, and work beside a running event loop, as in a notebook. Settings are
    read from the environment variables IMGVEC_*. A process that forks makes its own afterwards.

        with Encoder() as encoder:
            images = encoder.images(["a.jpg", "https://example.com/b.png"])
            texts = encoder.texts(["a photo of a cat"])
            similarities = texts @ images.T
    """

    name: str
    """The encoder's id, such as `starter`."""
    revision: str
    """SHA-256 over weights and preprocessing, 64 hex digits; compare vectors of one revision."""
    dimensions: int
    """How many numbers a vector has."""

    def __init__(self, name: str | None = None, dimensions: int | None = None) -> None:
        """Verify and load an encoder, and start the threads that compute.

        Without a name it is the first of `IMGVEC_ENCODERS` (that has these dimensions); without
        dimensions it gives its most.

        Raises:
            BadParameter: no such encoder has these dimensions; the message lists those there are.
            ModelError: it is unknown, or a file is missing or altered; the message names the fix.
            SettingsError: an environment variable is wrong.
        """
        settings = load_settings()
        if name is not None:
            settings = settings.model_copy(update={"encoders": (name,)})
        self.name, self.dimensions = _chosen(settings, dimensions)
        encoders = load_encoders(settings.model_copy(update={"encoders": (self.name,)}))
        (self._encoder,) = encoders
        self.revision = self._encoder.revision
        self._max_bytes = settings.max_image
        sources = Sources(
            fetch_of(settings), _no_assets, InFlight(settings.max_bodies), settings.fetch_timeout
        )
        compute = Compute(encoders, settings)
        self._service = EmbeddingService(encoders, compute, sources, NoAccounts())
        # A factory, or the loop would become the current one of the caller's thread.
        runner, stop = asyncio.Runner(loop_factory=asyncio.new_event_loop), asyncio.Event()
        self._loop = runner.get_loop()
        arguments = (runner, stop, self._service)
        self._thread = Thread(target=_run, args=arguments, name="imgvec-encoder", daemon=True)
        self._thread.start()
        self._end = weakref.finalize(self, self._loop.call_soon_threadsafe, stop.set)
        # At exit the threads are left as they are: nobody waits for what they still do.
        self._end.atexit = False

    def __enter__(self) -> Self:
        """Open nothing more; the block ends with `close`."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads."""
        self.close()

    def __repr__(self) -> str:
        """The encoder, its dimensions and the beginning of its revision."""
        return f"<Encoder {self.name} dimensions={self.dimensions} revision={self.revision[:12]}>"

    def close(self) -> None:
        """End the threads; a second call does nothing. An encoder that is lost closes itself."""
        self._end()
        self._thread.join()

    def images(self, images: Iterable[Image]) -> Vectors:
        """Embed images on all cores: `float32 [n, dimensions]` in their order, L2 norm 1.

        A string that begins with http:// or https:// is a URL, and any other string is a path.
        URLs are fetched as the service fetches them: private addresses are rejected.

        Raises:
            NotAnImage, TooLarge, FetchFailed, AddressRefused: an image is rejected; the message
                begins with its path or URL, or with `images[i]` where it is given as bytes.
            OSError: a file cannot be read.
            ValueError: the encoder is closed.
        """
        given = _listed(images, "images")
        return self._array(
            _vector(found, f"images[{place}]" if isinstance(image, bytes) else str(image))
            for place, (image, found) in enumerate(zip(given, self.each_image(given), strict=True))
        )

    def texts(self, texts: Iterable[str]) -> Vectors:
        """Embed texts into the images' space: `float32 [n, dimensions]` in order, L2 norm 1.

        Raises:
            BadParameter: the encoder embeds images only, or a text is not valid Unicode; the
                message begins with `texts[i]`.
            ValueError: the encoder is closed.
        """
        found = enumerate(self.each_text(_listed(texts, "texts")))
        return self._array(_vector(one, f"texts[{place}]") for place, one in found)

    def each_image(self, images: Iterable[Image]) -> Generator[Vector | Problem]:
        """For each image its vector or the error that it has, in order and a few images ahead.

        For more images than fit into memory, or where one that is damaged should end nothing.
        """
        for one in self.each_embedded(images):
            yield one.vector if isinstance(one, Embedded) else one

    def each_embedded(self, images: Iterable[Image | Read]) -> Generator[Embedded | Problem]:
        """The same, with the digest of each image's file."""
        return self._each(self._image(image) for image in images)

    def each_text(self, texts: Iterable[str]) -> Generator[Vector | Problem]:
        """The same for texts."""
        return self._each(self._text(text) for text in texts)

    async def _image(self, image: Image | Read) -> Embedded | Problem:
        try:
            made = await self._embed(ImageInput(self._source(image)), digested=True)
        except (RequestError, OSError) as problem:
            return problem
        return Embedded(made.embeddings[0].vector, made.digests[0].hex())

    async def _text(self, text: str) -> Vector | Problem:
        try:
            made = await self._embed(TextInput(text))
        except RequestError as problem:
            return problem
        return made.embeddings[0].vector

    def _source(self, image: Image | Read) -> ImageSource:
        if isinstance(image, str) and is_url(image):
            return ImageUrl(image)
        if callable(image):
            image = image()
        if not isinstance(image, bytes):
            path = Path(image)
            self._check(path.stat().st_size)
            image = path.read_bytes()
        self._check(len(image))
        return ImageBytes(image)

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise ImageTooLarge.over(self._max_bytes)

    async def _embed(self, part: ImageInput | TextInput, *, digested: bool = False) -> EmbedResult:
        wanted = EmbedRequest(((part,),), self.dimensions, digested=digested)
        return await self._service.embed(OPERATOR, wanted, LOCAL)

    def _each(self, jobs: Iterable[Coroutine[Any, Any, T]]) -> Generator[T]:
        if not self._end.alive:
            raise ValueError("The encoder is closed")
        ahead: deque[Future[T]] = deque()
        try:
            for job in jobs:
                ahead.append(asyncio.run_coroutine_threadsafe(job, self._loop))
                if len(ahead) == AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    def _array(self, vectors: Iterable[Vector]) -> Vectors:
        rows = list(vectors)
        return np.array(rows, np.float32).reshape(len(rows), self.dimensions)


def reason(problem: Problem) -> str:
    """The sentence for a person, without the image's name."""
    if isinstance(problem, RequestError):
        return problem.for_operator
    return problem.strerror or "It cannot be read"


def _chosen(settings: Settings, dimensions: int | None) -> tuple[str, int]:
    """The first of the encoders with these dimensions, by its manifest alone."""
    known: set[int] = set()
    for folder in configured_folders(settings):
        manifest = read_manifest(folder)
        own = {space.dimensions for space in manifest.spaces}
        if dimensions is None:
            return manifest.name, max(own)
        if dimensions in own:
            return manifest.name, dimensions
        known |= own
    raise BadParameter(f"dimensions must be one of: {', '.join(map(str, sorted(known)))}")


def _run(runner: asyncio.Runner, stop: asyncio.Event, service: EmbeddingService) -> None:
    """Run the loop in its own thread, and end there what it uses: no caller waits for itself."""
    with runner:
        runner.run(stop.wait())
    service.close()


async def _no_assets(consumer: str, asset_id: str) -> bytes:
    raise AssetNotFound


def _listed(given: Iterable[Any], name: str) -> list[Any]:
    if isinstance(given, str | bytes | os.PathLike):
        raise TypeError(f"{name} takes a list: {name}([...])")
    return list(given)


def _vector(found: Vector | Problem, name: str) -> Vector:
    if isinstance(found, RequestError):
        raise type(found)(f"{name}: {found.message}") from found
    if isinstance(found, OSError):
        raise found
    return found

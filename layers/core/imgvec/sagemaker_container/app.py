"""The serving application: `GET /ping` and `POST /invocations`, and the encoders behind them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, TypeVar

import numpy as np
import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imgvec.embedding.batcher import Batcher
from imgvec.embedding.fair import FairExecutor
from imgvec.encoders import WantedImage
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import configured_folders, load_here
from imgvec.encoders.sagemaker.client import HEADER, PIXELS, STALE, TEXT, VECTOR, Attributes
from imgvec.errors import (
    BadParameter,
    BodyTooLarge,
    InternalFault,
    NotReady,
    RequestError,
    WrongContentType,
)
from imgvec.request_log import UNTRACED
from imgvec.settings import Settings
from imgvec.types import Pixels, Vector

WantedText: TypeAlias = tuple[str, int]
"""A text, and the dimensions of the space that it is wanted in."""
Counted: TypeAlias = tuple[Vector, int]
"""A vector, and the tokens that were read."""

SICK: Final = 3
"""So many inferences of one input in a row fail only where the accelerator has died."""


class Lane:
    """One encoder: images in batches, texts one by one.

    A float product may round otherwise in a batch of another size, and texts of other lengths would
    need padding: so a text is computed alone, and its vector never depends on its company.
    """

    def __init__(self, encoder: OnnxEncoder, executor: FairExecutor, settings: Settings) -> None:
        """Make the queues."""
        self.encoder = encoder
        wait, queue = settings.batch_wait / 1000, settings.batch_queue
        self.images: Batcher[WantedImage, Vector] = Batcher(
            encoder.encode_images, executor, size=settings.batch_size, wait=wait, queue=queue
        )
        self.texts: Batcher[WantedText, Counted] = Batcher(
            self._encode_texts, executor, size=1, wait=0, queue=queue
        )

    def warm(self, batch_size: int) -> None:
        """Run the smallest and the largest batch, and a text.

        A provider prepares itself for a shape when it first meets it: now, not within a request.

        Raises:
            RequestError: an inference gave no vector.
        """
        side, widest = self.encoder.image_size, max(self.encoder.dimensions)
        pixels: Pixels = np.full((side, side, 3), 127, np.uint8)
        for count in sorted({1, batch_size}):
            for result in self.encoder.encode_images([(pixels, widest)] * count):
                if isinstance(result, RequestError):
                    raise result
        if self.encoder.embeds_text:
            self.encoder.encode_text("", widest)

    def _encode_texts(self, wanted: Sequence[WantedText]) -> list[Counted | RequestError]:
        return [self.encoder.encode_text(text, dimensions) for text, dimensions in wanted]


class Engine:
    """All encoders of the process, found by revision."""

    def __init__(self, encoders: Iterable[OnnxEncoder], settings: Settings) -> None:
        """One thread computes: batches of one accelerator do not gain by overlapping."""
        self._executor = FairExecutor(1, "imgvec-accelerator")
        self._lanes = {
            encoder.revision: Lane(encoder, self._executor, settings) for encoder in encoders
        }
        for lane in self._lanes.values():
            lane.warm(settings.batch_size)

    def lane(self, revision: str) -> Lane | None:
        """The encoder of this revision, None where it is not served."""
        return self._lanes.get(revision)

    @property
    def healthy(self) -> bool:
        """Whether inferences pass; each of them has run once before anybody could ask."""
        return not any(
            batcher.failures >= SICK
            for lane in self._lanes.values()
            for batcher in (lane.images, lane.texts)
        )

    def close(self) -> None:
        """Finish running work and end the thread."""
        self._executor.close()


T = TypeVar("T")

log = logging.getLogger(__name__)

MOST_TEXT: Final = 1_000_000
"""Bytes of a text; the service has cut it to what the text tower reads."""


class Stale(RequestError):
    """The revision that is asked for is not the one that is served."""

    status = STALE
    default = "Another revision is served"


def create_serving_app(settings: Settings) -> FastAPI:
    """Load the encoders, warm them up, answer.

    Raises:
        ImgvecError: a setting or an encoder file is not as it should be.
    """
    engine = Engine(load_here(configured_folders(settings), settings), settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        yield
        engine.close()

    app = FastAPI(
        telemetry=UNTRACED,
        title="imgvec serving",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.engine = engine
    app.add_api_route("/ping", _ping, methods=["GET"], response_model=None)
    app.add_api_route("/invocations", _invocations, methods=["POST"], response_model=None)
    app.exception_handler(RequestError)(_refused)
    return app


async def _ping(request: Request) -> dict[str, str]:
    """Every encoder has answered, and still does."""
    if not request.app.state.engine.healthy:
        raise NotReady("Inferences fail")
    return {"status": "ready"}


async def _invocations(request: Request) -> Response:
    """One image or one text to one vector."""
    asked = Attributes.parse(request.headers.get(HEADER, ""))
    engine: Engine = request.app.state.engine
    lane = engine.lane(asked.revision)
    if lane is None:
        raise Stale
    if asked.count not in lane.encoder.dimensions:
        raise BadParameter(f"{lane.encoder.name} gives no {asked.count} dimensions")
    vector, tokens = await _encode(request, lane, asked.count)
    answered = Attributes(asked.revision, tokens)
    body = vector.astype("<f4").tobytes()
    return Response(body, media_type=VECTOR, headers={HEADER: str(answered)})


async def _encode(request: Request, lane: Lane, dimensions: int) -> Counted:
    media_type = request.headers.get("Content-Type")
    if media_type == PIXELS:
        pixels = await _read_pixels(request, lane.encoder.image_size)
        vector = await _computed(lane.images.submit((pixels, dimensions)))
        return vector, lane.encoder.image_tokens
    if media_type == TEXT:
        text = await _read_text(request)
        return await _computed(lane.texts.submit((text, dimensions)))
    raise WrongContentType


async def _computed(future: Future[T]) -> T:
    try:
        return await asyncio.wrap_future(future)
    except RequestError:
        raise
    except Exception as fault:
        # Raised by the accelerator or its runtime, whose exceptions have no common base.
        log.error("an inference failed: %s", type(fault).__name__)
        raise InternalFault from None


async def _read_pixels(request: Request, side: int) -> Pixels:
    body = await _read(request, 3 * side * side)
    if len(body) < 3 * side * side:
        raise BadParameter(f"The body must be uint8 [{side}, {side}, 3]")
    return np.frombuffer(body, np.uint8).reshape(side, side, 3)


async def _read_text(request: Request) -> str:
    try:
        text = orjson.loads(await _read(request, MOST_TEXT))
    except orjson.JSONDecodeError:
        raise BadParameter("The body must be a JSON string") from None
    if not isinstance(text, str):
        raise BadParameter("The body must be a JSON string")
    return text


async def _read(request: Request, most: int) -> bytes:
    """The body, given up as soon as it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise BodyTooLarge.over(most)
    return bytes(body)


async def _refused(request: Request, error: RequestError) -> Response:
    return JSONResponse({"error": error.message}, error.status)

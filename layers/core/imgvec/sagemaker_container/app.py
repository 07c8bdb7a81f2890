"""What SageMaker asks of a container: `GET /ping` and `POST /invocations`."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import numpy as np
import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imgvec.api.untraced import UNTRACED
from imgvec.encoders.registry import configured_folders, load_here
from imgvec.encoders.sagemaker.wire import HEADER, PIXELS, STALE, TEXT, VECTOR, Attributes
from imgvec.errors import (
    BadParameter,
    InternalFault,
    NotReady,
    RequestError,
    TooLarge,
    WrongContentType,
)
from imgvec.sagemaker_container.engine import Counted, Engine, Lane
from imgvec.settings import Settings
from imgvec.types import Pixels

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
            raise TooLarge
    return bytes(body)


async def _refused(request: Request, error: RequestError) -> Response:
    return JSONResponse({"error": error.message}, error.status)

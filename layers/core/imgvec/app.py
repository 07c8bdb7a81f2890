"""The application, put together: one process, one encoder load, every dialect."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match

from imgvec import __version__
from imgvec.aliases import Alias, Off, check_aliases, read_off
from imgvec.assets import Assets
from imgvec.boundary import Boundary
from imgvec.consumers.gate import Gate
from imgvec.consumers.meter import Meter
from imgvec.dialects import all_dialects
from imgvec.dialects.protocol import error_headers, json_answer
from imgvec.encoders.registry import load_encoders
from imgvec.errors import BadParameter, MethodNotAllowed, NotFound, NotReady, RequestError
from imgvec.images.fetch import Fetcher
from imgvec.images.urls import parse_allow
from imgvec.service import Parts, Service
from imgvec.settings import Settings, load_settings
from imgvec.stores.folder import FolderBlobs
from imgvec.stores.open import cache_seconds_of, store_of

DESCRIPTION = """Image embeddings in the dialects of four vendor APIs.

The same image asked for in the same space gives the same floats, whatever the route."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Load the encoders, open the stores, mount the dialects.

    Raises:
        ImgvecError: a setting, an encoder file or a store is not as it should be.
    """
    settings = settings or load_settings()
    off = read_off(settings.aliases_off, _aliases())
    service = Service(_parts(settings, off))
    app = FastAPI(
        title="imgvec",
        version=__version__,
        description=DESCRIPTION,
        redirect_slashes=False,
        lifespan=_lifespan,
        redoc_url=None,
    )
    app.state.service = service
    app.state.off = off
    for dialect in all_dialects():
        app.include_router(dialect.router)
    app.add_api_route("/health", _health, tags=["imgvec"])
    app.add_api_route("/ready", _ready, tags=["imgvec"])
    app.add_api_route("/", _front_door, include_in_schema=False)
    app.exception_handler(RequestError)(_refused)
    app.exception_handler(HTTPException)(_framework_refused)
    app.add_middleware(Boundary, refuse=refuse)
    return app


def _parts(settings: Settings, off: Mapping[str, Off]) -> Parts:
    encoders = load_encoders(settings)
    widths = frozenset(width for encoder in encoders for width in encoder.dimensions)
    check_aliases(_aliases(), widths, off)
    store = store_of(settings)
    return Parts(
        settings=settings,
        gate=Gate(store, cache_seconds=cache_seconds_of(settings)),
        meter=Meter(store, window=settings.idempotency_hours * 3600),
        assets=Assets(store, FolderBlobs(settings.data / "assets"), max_bytes=settings.max_image),
        fetcher=Fetcher(
            allow=parse_allow(settings.fetch_allow),
            timeout=settings.fetch_timeout,
            max_bytes=settings.max_image,
        ),
        encoders=encoders,
        close_stores=store.close,
    )


def _aliases() -> list[tuple[str, Alias]]:
    return [(dialect.name, alias) for dialect in all_dialects() for alias in dialect.aliases]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    yield
    app.state.service.close()


async def _health() -> dict[str, str]:
    """The process is alive."""
    return {"status": "alive"}


async def _ready(request: Request) -> dict[str, str]:
    """A real inference has passed."""
    if not request.app.state.service.ready:
        raise NotReady
    return {"status": "ready"}


async def _front_door() -> Response:
    return RedirectResponse("docs", 307)


def refuse(path: str, error: RequestError) -> Response:
    """An error in the words of the dialect that owns the path; a plain one where none does."""
    for dialect in all_dialects():
        if dialect.owns(path):
            return dialect.refuse(error)
    return json_answer({"error": error.message}, error.status, error_headers(error))


async def _refused(request: Request, error: RequestError) -> Response:
    return refuse(request.url.path, error)


async def _framework_refused(request: Request, error: HTTPException) -> Response:
    """404, 405 and whatever else the framework refuses by itself."""
    if error.status_code == 405:
        answer = refuse(request.url.path, MethodNotAllowed())
        answer.headers["Allow"] = ", ".join(_methods(request))
        return answer
    return refuse(request.url.path, NotFound() if error.status_code == 404 else BadParameter())


def _methods(request: Request) -> list[str]:
    """Methods that this path takes; the framework names only those of the first route."""
    return [
        method
        for method in ("DELETE", "GET", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]

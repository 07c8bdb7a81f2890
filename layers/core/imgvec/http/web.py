"""Routes, put together: errors in the words of whoever owns a path, health, the front door."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match

from imgvec import __version__
from imgvec.aliases import Off
from imgvec.dialects import all_dialects
from imgvec.dialects.describe import Shape, answer
from imgvec.dialects.protocol import error_headers, json_answer, services_of
from imgvec.errors import BadParameter, MethodNotAllowed, NotFound, NotReady, RequestError
from imgvec.http.boundary import Boundary, own_path
from imgvec.http.description import DescribedApi
from imgvec.http.docs import add_docs
from imgvec.http.intake import STOPPING, Intake, Paths
from imgvec.http.untraced import UNTRACED
from imgvec.services import Services

if TYPE_CHECKING:
    # It computes, and imports what that takes.
    from imgvec.embedding.service import EmbeddingService

NOTHING_OFF: Final[Mapping[str, Off]] = {}
DESCRIPTION = """Image embeddings in the dialects of four vendor APIs.

The same image asked for in the same space gives the same floats, whatever the route."""


class State(Shape):
    """How the process is."""

    status: str = Field(examples=["ready"])


def assemble(
    services: Services,
    routers: Iterable[APIRouter],
    embedding: "EmbeddingService | None" = None,
    off: Mapping[str, Off] = NOTHING_OFF,
) -> FastAPI:
    """The application of these routes; without `embedding` it embeds nothing."""
    app = DescribedApi(
        telemetry=UNTRACED,
        title="imgvec",
        version=__version__,
        description=DESCRIPTION,
        redirect_slashes=False,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.state.embedding = embedding
    app.state.off = off
    for router in routers:
        app.include_router(router)
    # As answers that are prebuilt, like all: for one that FastAPI makes it imports pydantic's past.
    for path, route in (("/health", _health), ("/ready", _ready)):
        app.add_api_route(
            path,
            route,
            tags=["imgvec"],
            responses={200: answer(State)},
            operation_id=f"get_{path[1:]}",
        )
    app.add_api_route("/", _front_door, include_in_schema=False)
    add_docs(app)
    app.exception_handler(RequestError)(_refused)
    app.exception_handler(HTTPException)(_framework_refused)
    # The last one added is the outermost.
    app.add_middleware(
        Intake,
        in_flight=services.in_flight,
        body_seconds=services.settings.body_timeout,
        rejection=_never if embedding is None else embedding.rejection,
        paths=_paths(),
        refuse=refuse,
    )
    app.add_middleware(Boundary, refuse=refuse)
    if services.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=services.settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["*"],
        )
    return app


def close(app: FastAPI) -> None:
    """Finish running work of an application; end its threads and close its stores."""
    if app.state.embedding is not None:
        app.state.embedding.close()
    app.state.services.close()


def _never() -> None:
    """Without an encoder no request waits in line."""


def _paths() -> Paths:
    """All that the dialects own; of that, what embeds."""
    routes = [route for dialect in all_dialects() for route in dialect.router.routes]
    computing = {
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    return Paths(lambda path: any(one.owns(path) for one in all_dialects()), frozenset(computing))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    # What a function leaves to the first URL: a server has time now, and maybe no files later.
    import_module("imgvec.images.fetch")
    yield
    close(app)


async def _health() -> Response:
    """The process is alive."""
    return json_answer({"status": "alive"})


async def _ready(request: Request) -> Response:
    """A real inference has passed, the stores can be read, and the process is not stopping."""
    services = services_of(request)
    if services.in_flight.draining:
        raise NotReady(STOPPING)
    embedding: EmbeddingService | None = request.app.state.embedding
    if embedding is not None and not await embedding.ready():
        raise NotReady
    await services.check()
    return json_answer({"status": "ready"})


async def _front_door(request: Request) -> Response:
    return RedirectResponse(f"{request.scope['root_path']}/docs", 307)


def refuse(path: str, error: RequestError) -> Response:
    """An error in the words of the dialect that owns the path; a plain one where none does."""
    for dialect in all_dialects():
        if dialect.owns(path):
            return dialect.refuse(error)
    return json_answer({"error": error.message}, error.status, error_headers(error))


async def _refused(request: Request, error: RequestError) -> Response:
    return refuse(own_path(request.scope), error)


async def _framework_refused(request: Request, error: HTTPException) -> Response:
    """404, 405 and whatever else the framework refuses by itself."""
    if error.status_code == 405:
        answer = refuse(own_path(request.scope), MethodNotAllowed())
        answer.headers["Allow"] = ", ".join(_methods(request))
        return answer
    return refuse(
        own_path(request.scope), NotFound() if error.status_code == 404 else BadParameter()
    )


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

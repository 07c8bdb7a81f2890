"""The application: routes of all dialects, middleware, health, error responses."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from itertools import product
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match

from imgvec import __version__
from imgvec.aliases import Off
from imgvec.api.boundary import Boundary
from imgvec.api.docs import DescribedApi, add_docs
from imgvec.api.intake import STOPPING, Entry, Intake
from imgvec.api.mounts import Mounts, json_answer, services_of
from imgvec.api.openapi import Shape, answer
from imgvec.errors import BadParameter, MethodNotAllowed, NotFound, NotReady, RequestError
from imgvec.request_log import UNTRACED
from imgvec.services import Services

if TYPE_CHECKING:
    # Imports NumPy and ONNX Runtime, which the function of the assets does not have.
    from imgvec.embedding.service import EmbeddingService

NOTHING_OFF: Final[Mapping[str, Off]] = {}
DESCRIPTION = """Image embeddings in the dialects of vendor APIs.

The same image asked for in the same space gives the same floats, whatever the route."""


class State(Shape):
    """How the process is."""

    status: str = Field(examples=["ready"])


def assemble(
    services: Services,
    mounts: Mounts,
    embedding: "EmbeddingService | None" = None,
    off: Mapping[str, Off] = NOTHING_OFF,
) -> FastAPI:
    """Build the application of these dialects; without `embedding` it serves assets only."""
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
    app.state.mounts = mounts
    app.state.off = off
    for dialect in mounts.dialects:
        routers = (dialect.assets,) if embedding is None else (dialect.router, dialect.assets)
        for router, mount in product(routers, dialect.head.mounts):
            described = mount == dialect.head.mounts[0]
            app.include_router(router, prefix=mount, include_in_schema=described)
    # Handlers return a Response: to serialise one, FastAPI would import `pydantic.v1`.
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
    app.exception_handler(RequestError)(_request_error)
    app.exception_handler(HTTPException)(_framework_error)
    # The last one added is the outermost.
    app.add_middleware(
        Intake,
        services=services,
        mounts=mounts,
        entries=_entries(mounts, embeds=embedding is not None),
        rejection=_never if embedding is None else embedding.rejection,
    )
    app.add_middleware(Boundary, error_response=mounts.error_response)
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
    """Finish the work in flight, end the threads and close the stores."""
    if app.state.embedding is not None:
        app.state.embedding.close()
    app.state.services.close()


def _never() -> None:
    """Reject nothing: without an encoder there is no queue."""


def _entries(mounts: Mounts, *, embeds: bool) -> dict[tuple[str, str], Entry]:
    """The dialects' routes without parameters in their paths, by method and path.

    Raises:
        ValueError: a router includes another one, whose routes would be judged after their bodies.
    """
    entries: dict[tuple[str, str], Entry] = {}
    for dialect in mounts.dialects:
        for router in (dialect.router, dialect.assets) if embeds else (dialect.assets,):
            for route, mount in product(router.routes, dialect.head.mounts):
                if not isinstance(route, APIRoute):
                    raise ValueError(f"{dialect.name} includes a router in another one")
                if "{" not in route.path:
                    entry = Entry(route, computes=router is dialect.router)
                    for method in route.methods or ():
                        entries[method, mount + route.path] = entry
    return entries


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    # A function imports this with its first URL. A server imports it now: it has the time, and
    # may have no file descriptor left later.
    import_module("imgvec.images.fetch.client")
    tidying = asyncio.create_task(app.state.services.tidy())
    yield
    tidying.cancel()
    await asyncio.wait({tidying})
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


async def _request_error(request: Request, error: RequestError) -> Response:
    return _error_response(request, error)


def _error_response(request: Request, error: RequestError) -> Response:
    mounts: Mounts = request.app.state.mounts
    return mounts.error_response(request.scope, error)


async def _framework_error(request: Request, error: HTTPException) -> Response:
    """Answer errors that the framework raises, such as 404 and 405, as the dialect does."""
    if error.status_code == 405:
        answer = _error_response(request, MethodNotAllowed())
        answer.headers["Allow"] = ", ".join(_methods(request))
        return answer
    return _error_response(request, NotFound() if error.status_code == 404 else BadParameter())


def _methods(request: Request) -> list[str]:
    """The methods of a path; the framework would name only those of the first route."""
    return [
        method
        for method in ("DELETE", "GET", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]

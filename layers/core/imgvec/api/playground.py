"""`/`: the playground, a page of ours for a laptop.

Where its files are left out, or the setting is off, `/` leads to `/docs`.
"""

from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from imgvec.api.docs import PAGES, page_headers
from imgvec.api.mounts import services_of
from imgvec.errors import NotFound

FILES: Final = {path.name: path for path in (PAGES / "playground").glob("*.*")}
"""The page and what it loads, by name; none in the function."""
PAGE: Final = "index.html"
# Thumbnails are object URLs of files that the browser holds.
HEADERS: Final = page_headers("'self' data: blob:")


def add_playground(app: Starlette) -> None:
    """Add the routes of the page and its files."""
    app.router.add_route("/", _page, include_in_schema=False)
    app.router.add_route("/playground/{name}", _file, include_in_schema=False)


def _shown(request: Request) -> bool:
    return services_of(request).settings.playground and PAGE in FILES


async def _page(request: Request) -> Response:
    if _shown(request):
        return FileResponse(FILES[PAGE], headers=HEADERS)
    return RedirectResponse(f"{request.scope['root_path']}/docs", 307)


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    # The page itself is at `/` alone: all its addresses are relative to that.
    if not _shown(request) or name == PAGE or name not in FILES:
        raise NotFound
    return FileResponse(FILES[name], headers=HEADERS)

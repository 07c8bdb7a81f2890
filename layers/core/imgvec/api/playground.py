"""The playground of `imgvec serve`: a page of ours at `/`, with no request to other hosts."""

from collections.abc import Iterable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from imgvec.api.docs import PAGES, page_headers
from imgvec.errors import NotFound

FILES: Final = {path.name: path for path in (PAGES / "playground").glob("*.*")}
"""Files that the page loads, by name."""
PAGE: Final = FILES.pop("index.html")
SERVED: Final = "<!-- those that are served -->"
# Thumbnails are object URLs of files that the browser holds.
HEADERS: Final = page_headers("'self' data: blob:")


def add_playground(app: Starlette, dimensions: Iterable[int]) -> None:
    """Put the page before the redirect that `/` is without it; it offers these dimensions."""
    options = "".join(f"<option>{one}</option>" for one in sorted(dimensions))
    page = PAGE.read_text(encoding="utf-8").replace(SERVED, options)

    async def show_page(request: Request) -> Response:
        return HTMLResponse(page, headers=HEADERS)

    app.router.routes[:0] = [
        Route("/", show_page, include_in_schema=False),
        Route("/playground/{name}", _file, include_in_schema=False),
    ]


async def _file(request: Request) -> Response:
    file = FILES.get(request.path_params["name"])
    if file is None:
        raise NotFound
    return FileResponse(file, headers=HEADERS)

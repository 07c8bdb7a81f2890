"""The page at `/docs`: Swagger UI from bundled files, without a request to another host.

Deployments on AWS leave these files out; there a short page links to the description.
"""

from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from imgvec.errors import NotFound

PAGES: Final = Path(__file__).resolve().parent.parent / "pages"
ASSETS: Final = {
    "docs.js": PAGES / "docs.js",
    "swagger-ui-bundle.js": PAGES / "swagger-ui" / "swagger-ui-bundle.js",
    "swagger-ui.css": PAGES / "swagger-ui" / "swagger-ui.css",
}
# Strict, because users type keys on this page. Swagger UI has its icons as data URIs and needs no
# inline style.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
WITHOUT_FILES: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>imgvec</title><link rel="icon" href="data:,">
<p>The description of this API is <a href="openapi.json">openapi.json</a>.
The page with a form for each request comes with <code>imgvec serve</code>.</p></html>
"""


def add_docs(app: Starlette) -> None:
    """Add the routes of the page and its files."""
    app.router.add_route("/docs", _page, include_in_schema=False)
    app.router.add_route("/docs/{name}", _asset, include_in_schema=False)


async def _page(request: Request) -> Response:
    page = PAGES / "docs.html"
    if page.is_file():
        return FileResponse(page, headers=HEADERS)
    return HTMLResponse(WITHOUT_FILES, headers=HEADERS)


async def _asset(request: Request) -> Response:
    asset = ASSETS.get(request.path_params["name"])
    if asset is None or not asset.is_file():
        raise NotFound
    return FileResponse(asset, headers=HEADERS)

"""`/openapi.json`, and `/docs`: Swagger UI from files of ours, with no request to other hosts.

The files are left out of the function, where a short page leads to the description.
"""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from imgvec.api.failures import add_failures
from imgvec.api.mounts import Dialect, Mounts
from imgvec.api.openapi import Schema, shapes, shared
from imgvec.errors import NotFound

PAGES: Final = Path(__file__).resolve().parent.parent / "pages"
ASSETS: Final = {
    "docs.js": PAGES / "docs.js",
    "swagger-ui-bundle.js": PAGES / "swagger-ui" / "swagger-ui-bundle.js",
    "swagger-ui.css": PAGES / "swagger-ui" / "swagger-ui.css",
}


def page_headers(images: str) -> dict[str, str]:
    """Headers of a page on which users type keys, with the sources of its images."""
    return {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src {images}; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }


# Swagger UI has its icons as data URIs and needs no inline style.
HEADERS: Final = page_headers("'self' data:")
WITHOUT_FILES: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>imgvec</title><link rel="icon" href="data:,">
<p>The description of this API is <a href="openapi.json">openapi.json</a>.
The page with a form for each request comes with <code>imgvec serve</code>.</p></html>
"""


def add_docs(app: Starlette) -> None:
    """Add the routes of the page and its files."""
    app.router.add_route("/docs", _page, include_in_schema=False)
    app.router.add_route("/docs/{name}", _asset, include_in_schema=False)
    app.router.add_route("/llms.txt", _llms, include_in_schema=False)


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


async def _llms(request: Request) -> Response:
    """The API for language models, in the form of https://llmstxt.org."""
    index = PAGES / "llms.txt"
    if not index.is_file():
        raise NotFound
    return FileResponse(index, headers=HEADERS)


class DescribedApi(FastAPI):
    """An application whose OpenAPI description is built on the first request for it."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI description."""
        if self.openapi_schema is None:
            described = super().openapi()
            components = described.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            schemas.update(shapes(described["paths"]))
            schemes = components.setdefault("securitySchemes", {})
            mounts: Mounts = self.state.mounts
            for dialect in mounts.dialects:
                schemes.update(dialect.key_places)
            for path, operations in described["paths"].items():
                dialect_of_path = mounts.find({"path": path})
                if dialect_of_path is not None:
                    for operation in operations.values():
                        _complete(operation, path, dialect_of_path)
                        _share(operation, schemas)
        return super().openapi()


def _complete(operation: dict[str, Any], path: str, dialect: Dialect) -> None:
    # FastAPI would make the summary of the function's name.
    operation["summary"] = operation.pop("description", operation["summary"])
    # Alternatives: a key in any one of its places is enough.
    operation.setdefault("security", [{name: []} for name in dialect.key_places])
    add_failures(operation, path, dialect)


def _share(operation: dict[str, Any], schemas: Schema) -> None:
    for content in operation.get("requestBody", {"content": {}})["content"].values():
        content["schema"] = shared(content["schema"], schemas)

"""memories.ai's assets: metadata, download, delete; uploads are in `uploads`."""

import mimetypes
from functools import cache
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from imgvec.api.mounts import services_of
from imgvec.api.openapi import operation
from imgvec.api.streaming import StreamedFile
from imgvec.assets.filenames import extension
from imgvec.assets.ports import Asset
from imgvec.dialects.memories import uploads
from imgvec.dialects.memories.envelope import asset_id_of, authenticated, success
from imgvec.dialects.memories.schemas import ASSET_ANSWERS, ASSET_FAILS, ASSET_ID


class AssetIdConvertor(StringConvertor):
    """Matches asset ids only, so that `DELETE /upload` is a wrong method and not an asset."""

    regex = "re_[^/]*"


register_url_convertor("asset_id", AssetIdConvertor())


router = APIRouter()
router.include_router(uploads.router)
NO_STORE: Final = {"Cache-Control": "no-store"}


@router.get(
    "/{asset_id}/metadata",
    openapi_extra=operation(ASSET_ID),
    responses=ASSET_ANSWERS,
    operation_id="memories_get_metadata",
)
async def metadata(request: Request) -> Response:
    """Metadata of an asset, in any status."""
    _, principal = await authenticated(request, ())
    services = services_of(request)
    asset = await services.call(services.assets.find, principal.consumer, asset_id_of(request))
    return success({"total": 1, "resource": [_described(asset)]})


@router.get(
    "/{asset_id}/download",
    openapi_extra=operation(ASSET_ID),
    responses=ASSET_FAILS,
    operation_id="memories_download_file",
    response_class=Response,
)
async def download(request: Request) -> Response:
    """The bytes, under the media type of the file's name, or where they lie for some minutes."""
    _, principal = await authenticated(request, ())
    services = services_of(request)
    asset = await services.call(services.assets.find, principal.consumer, asset_id_of(request))
    media_type = _media_type(asset.filename)
    # An uploaded file must not run as a page of this origin.
    disposition = f"attachment; filename*=UTF-8''{quote(asset.filename, safe='')}"
    elsewhere = services.assets.get_address(asset, media_type, disposition)
    if elsewhere is not None:
        return RedirectResponse(elsewhere, 302, NO_STORE)
    file = await services.call(services.assets.open, asset)
    headers = {
        "Content-Type": media_type,
        "Content-Disposition": disposition,
        "X-Content-Type-Options": "nosniff",
    }
    return StreamedFile(file, asset.size, services.call, headers)


@router.delete(
    "/{asset_id:asset_id}",
    openapi_extra=operation(ASSET_ID),
    responses=ASSET_ANSWERS,
    operation_id="memories_delete_asset",
)
@router.delete(
    "/asset/{asset_id}",
    openapi_extra=operation(ASSET_ID),
    responses=ASSET_ANSWERS,
    operation_id="memories_delete_asset_below_asset",
)
async def delete(request: Request) -> Response:
    """Forget an asset and its bytes."""
    _, principal = await authenticated(request, ())
    services = services_of(request)
    await services.call(services.assets.delete, principal.consumer, asset_id_of(request))
    return success(None)


def _media_type(filename: str) -> str:
    # Look up the extension only: the table would take a name such as `data:...` for a URL.
    found, _ = _media_types().guess_type(f"file.{extension(filename)}", strict=False)
    return found or "application/octet-stream"


@cache
def _media_types() -> mimetypes.MimeTypes:
    """Python's built-in types, so that the machine's do not matter; WebP is in the second table.

    Made on first use, because the constructor reads the machine's table all the same.
    """
    return mimetypes.MimeTypes()


def _described(asset: Asset) -> dict[str, str]:
    """The vendor's metadata: numbers as strings, times in milliseconds."""
    return {
        "asset_id": asset.asset_id,
        "extension": extension(asset.filename),
        "original_filename": asset.filename,
        "file_size": str(asset.size),
        "upload_status": asset.status,
        "create_time": str(round(asset.created * 1000)),
        "modify_time": str(round(asset.modified * 1000)),
    }

"""memories.ai's assets: uploads, metadata, download, delete."""

import mimetypes
from functools import cache
from urllib.parse import quote

from fastapi import APIRouter
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from imgvec.api.mounts import NO_STORE, public_base, services_of
from imgvec.api.openapi import FILE, STRING, fields, named, operation, parameter
from imgvec.api.request import JSON, MULTIPART, read_bytes
from imgvec.api.streaming import StreamedFile
from imgvec.assets.ports import Asset
from imgvec.assets.service import UPLOAD_SECONDS, extension
from imgvec.dialects.memories import BASE
from imgvec.dialects.memories.envelope import admitted, asset_id_of, success
from imgvec.dialects.memories.schemas import (
    ASSET_ANSWERS,
    ASSET_FAILS,
    ASSET_ID,
    PUT_FAILS,
    UPLOAD_ANSWERS,
)
from imgvec.errors import BadParameter
from imgvec.ids import memories_id

router = APIRouter(prefix=BASE, tags=["memories.ai"])


@router.post(
    "/upload",
    openapi_extra=operation(multipart=named("MemoriesFile", fields(("file",), file=FILE))),
    responses=UPLOAD_ANSWERS,
    operation_id="memories_upload_file",
)
async def upload(request: Request) -> Response:
    """Keep a file that fits into a request."""
    call, principal = await admitted(request, (MULTIPART,))
    given = call.fields.upload("file")
    if given is None:
        raise BadParameter("'file' is missing")
    services = services_of(request)
    asset = await services.call(
        services.assets.upload, principal.consumer, given.filename, given.data, memories_id()
    )
    return success({"asset_id": asset.asset_id})


@router.post(
    "/upload/signed-url",
    openapi_extra=operation(
        json=named("MemoriesFilename", fields(("original_filename",), original_filename=STRING)),
        examples={"a photo": {"original_filename": "photo.jpg"}},
    ),
    responses=UPLOAD_ANSWERS,
    operation_id="memories_create_signed_url",
)
async def signed_url(request: Request) -> Response:
    """An address to PUT a larger file to, without the key."""
    call, principal = await admitted(request, (JSON,))
    filename = call.fields.text("original_filename")
    if filename is None:
        raise BadParameter("'original_filename' is missing")
    services = services_of(request)
    asset, token = await services.call(
        services.assets.reserve, principal.consumer, filename, memories_id()
    )
    ours = f"{public_base(request)}/serve/api/v2/upload/signed/{asset.asset_id}?token={token}"
    address = services.assets.put_address(asset) or ours
    return success(
        {"asset_id": asset.asset_id, "signed_url": address, "expires_in": UPLOAD_SECONDS}
    )


@router.put(
    "/upload/signed/{asset_id}",
    # The token is the permission.
    openapi_extra=operation(ASSET_ID, parameter("token", "query", "As in the signed address"))
    | {"security": []},
    operation_id="memories_put_file",
    responses={
        200: {"description": "Stored; the body is empty, as a bucket answers"},
        **PUT_FAILS,
    },
    response_class=Response,
)
async def receive(request: Request) -> Response:
    """Take the bytes of a signed address; the token is the permission."""
    services = services_of(request)
    token = request.query_params.get("token", "")
    asset_id = asset_id_of(request)
    data = await read_bytes(request, await services.admit_upload(asset_id, token))
    await services.call(services.assets.receive, asset_id, token, [data])
    return Response(status_code=200)


class AssetIdConvertor(StringConvertor):
    """Matches asset ids only, so that `DELETE /upload` is a wrong method and not an asset."""

    regex = "re_[^/]*"


register_url_convertor("asset_id", AssetIdConvertor())


@router.get(
    "/{asset_id}/metadata",
    openapi_extra=operation(ASSET_ID),
    responses=ASSET_ANSWERS,
    operation_id="memories_get_metadata",
)
async def metadata(request: Request) -> Response:
    """Metadata of an asset, in any status."""
    _, principal = await admitted(request, ())
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
    _, principal = await admitted(request, ())
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
    _, principal = await admitted(request, ())
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

"""memories.ai's assets: upload, signed upload address, metadata, download, delete."""

import mimetypes
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from imgvec.assets import UPLOAD_SECONDS
from imgvec.dialects.call import JSON, MULTIPART, Call, read_bytes, read_call
from imgvec.dialects.describe import (
    FILE,
    STRING,
    answers,
    fields,
    operation,
    parameter,
    path_parameter,
)
from imgvec.dialects.memories_envelope import FAILS, KEY, Failure, keys_of, success
from imgvec.dialects.protocol import front_of, public_base
from imgvec.errors import BadParameter
from imgvec.filenames import extension
from imgvec.ids import memories_id
from imgvec.stores.protocols import Asset
from imgvec.values import Caller


class AssetIdConvertor(StringConvertor):
    """Ids as they are made, so that `DELETE /upload` stays a wrong method and no asset."""

    regex = "re_[^/]*"


register_url_convertor("asset_id", AssetIdConvertor())


class Answer(BaseModel):
    """The envelope of the asset calls."""

    code: int
    msg: str
    data: dict[str, object] | None
    success: bool
    failed: bool


router = APIRouter()
# Python's own table, so that the machine's does not decide; WebP stands in its second half.
_MEDIA_TYPES: Final = mimetypes.MimeTypes()
NO_STORE: Final = {"Cache-Control": "no-store"}
_ASSET_ID: Final = path_parameter("asset_id")
_ANSWERS: Final = answers(Answer, Failure, *FAILS)


@router.post(
    "/upload",
    openapi_extra=operation(KEY, multipart=fields(("file",), file=FILE)),
    responses=_ANSWERS,
)
async def upload(request: Request) -> Response:
    """Keep a file that fits into a request."""
    call, caller = await _admitted(request, (MULTIPART,))
    given = call.fields.upload("file")
    if given is None:
        raise BadParameter("'file' is missing")
    front = front_of(request)
    asset = await front.store(
        front.assets.upload, caller.consumer, given.filename, given.data, memories_id()
    )
    return success({"asset_id": asset.asset_id})


@router.post(
    "/upload/signed-url",
    openapi_extra=operation(KEY, json=fields(("original_filename",), original_filename=STRING)),
    responses=_ANSWERS,
)
async def signed_url(request: Request) -> Response:
    """An address to PUT a larger file to, without the key."""
    call, caller = await _admitted(request, (JSON,))
    filename = call.fields.text("original_filename")
    if filename is None:
        raise BadParameter("'original_filename' is missing")
    front = front_of(request)
    asset, token = await front.store(front.assets.reserve, caller.consumer, filename, memories_id())
    ours = f"{public_base(request)}/serve/api/v2/upload/signed/{asset.asset_id}?token={token}"
    address = front.assets.put_address(asset) or ours
    return success(
        {"asset_id": asset.asset_id, "signed_url": address, "expires_in": UPLOAD_SECONDS}
    )


@router.put(
    "/upload/signed/{asset_id}",
    openapi_extra=operation(_ASSET_ID, parameter("token", "query", "As in the signed address")),
    responses={200: {"description": "Stored; the body is empty, as a bucket answers"}},
    response_class=Response,
)
async def receive(request: Request) -> Response:
    """Take the bytes of a signed address; the token is the permission."""
    front = front_of(request)
    token = request.query_params.get("token", "")
    data = await read_bytes(request, front.settings.max_image)
    await front.store(front.assets.receive, _asset_id(request), token, [data])
    return Response(status_code=200)


@router.get("/{asset_id}/metadata", openapi_extra=operation(_ASSET_ID, KEY), responses=_ANSWERS)
async def metadata(request: Request) -> Response:
    """What is known of an asset, whatever its state."""
    _, caller = await _admitted(request, ())
    front = front_of(request)
    asset = await front.store(front.assets.find, caller.consumer, _asset_id(request))
    return success({"total": 1, "resource": [_described(asset)]})


@router.get(
    "/{asset_id}/download", openapi_extra=operation(_ASSET_ID, KEY), response_class=Response
)
async def download(request: Request) -> Response:
    """The bytes, under the media type of the file's name, or where they lie for some minutes."""
    _, caller = await _admitted(request, ())
    front = front_of(request)
    asset = await front.store(front.assets.find, caller.consumer, _asset_id(request))
    media_type = _media_type(asset.filename)
    # A stranger's file must not run as a page of ours.
    disposition = f"attachment; filename*=UTF-8''{quote(asset.filename, safe='')}"
    elsewhere = front.assets.get_address(asset, media_type, disposition)
    if elsewhere is not None:
        return RedirectResponse(elsewhere, 302, NO_STORE)
    data = await front.store(front.assets.read, caller.consumer, _asset_id(request))
    headers = {
        "Content-Type": media_type,
        "Content-Disposition": disposition,
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, 200, headers)


@router.delete("/{asset_id:asset_id}", openapi_extra=operation(_ASSET_ID, KEY), responses=_ANSWERS)
@router.delete("/asset/{asset_id}", openapi_extra=operation(_ASSET_ID, KEY), responses=_ANSWERS)
async def delete(request: Request) -> Response:
    """Forget an asset and its bytes."""
    _, caller = await _admitted(request, ())
    front = front_of(request)
    await front.store(front.assets.delete, caller.consumer, _asset_id(request))
    return success(None)


async def _admitted(request: Request, accepted: tuple[str, ...]) -> tuple[Call, Caller]:
    """The request and who sent it; the body's faults are raised after the key's."""
    front = front_of(request)
    if accepted:
        call = await read_call(request, accepted, front.settings.max_body)
    else:
        call = Call(request.headers)
    return call, await front.admit(keys_of(call))


def _media_type(filename: str) -> str:
    # Only the extension is shown to the table: it would take a name such as `data:...` for a URL.
    found, _ = _MEDIA_TYPES.guess_type(f"file.{extension(filename)}", strict=False)
    return found or "application/octet-stream"


def _asset_id(request: Request) -> str:
    """The id in the path. It is no argument of the routes: the framework would promise a 422."""
    return str(request.path_params["asset_id"])


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

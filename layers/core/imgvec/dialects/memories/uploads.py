"""memories.ai's uploads: with the request, or to a signed address."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from imgvec.api.mounts import public_base, services_of
from imgvec.api.openapi import FILE, STRING, fields, operation, parameter
from imgvec.api.request import JSON, MULTIPART, read_bytes
from imgvec.assets.service import UPLOAD_SECONDS
from imgvec.dialects.memories.envelope import asset_id_of, authenticated, success
from imgvec.dialects.memories.schemas import ASSET_ANSWERS, ASSET_FAILS, ASSET_ID
from imgvec.errors import BadParameter
from imgvec.ids import memories_id

router = APIRouter()


@router.post(
    "/upload",
    openapi_extra=operation(multipart=fields(("file",), file=FILE)),
    responses=ASSET_ANSWERS,
    operation_id="memories_upload_file",
)
async def upload(request: Request) -> Response:
    """Keep a file that fits into a request."""
    call, principal = await authenticated(request, (MULTIPART,))
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
        json=fields(("original_filename",), original_filename=STRING),
        examples={"a photo": {"original_filename": "photo.jpg"}},
    ),
    responses=ASSET_ANSWERS,
    operation_id="memories_create_signed_url",
)
async def signed_url(request: Request) -> Response:
    """An address to PUT a larger file to, without the key."""
    call, principal = await authenticated(request, (JSON,))
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
        **ASSET_FAILS,
    },
    response_class=Response,
)
async def receive(request: Request) -> Response:
    """Take the bytes of a signed address; the token is the permission."""
    services = services_of(request)
    token = request.query_params.get("token", "")
    data = await read_bytes(request, services.settings.max_image)
    await services.call(services.assets.receive, asset_id_of(request), token, [data])
    return Response(status_code=200)

"""Reads JSON whatever content type it has: some clients send none, or that of a file."""

from starlette.requests import Request

from imgvec.api.request import JSON, Call, read_call


async def read_json(request: Request, max_body: int) -> Call:
    """Read a request whose body is JSON, up to `max_body` bytes."""
    headers = [one for one in request.scope["headers"] if one[0] != b"content-type"]
    untyped = Request({**request.scope, "headers": headers}, request.receive)
    return await read_call(untyped, (JSON,), max_body)

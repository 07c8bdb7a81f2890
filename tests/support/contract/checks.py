"""What the contract tests ask of an answer, and the images they send."""

import base64
import io
import re
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import httpx2
import numpy as np
from PIL import Image

REFUSED_ADDRESS: Final = "http://169.254.169.254/latest/meta-data/"
NO_SUCH_HOST: Final = "http://no-such-host.invalid/cat.jpg"

COREVIZ_REASONS: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    412: "Precondition Failed",
    413: "Payload Too Large",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
COREVIZ_SENTENCES: Final = {
    400: "Invalid image URL or missing required fields",
    401: "Invalid or missing API key",
    402: "Insufficient credits",
    422: "Unable to process the provided image",
}
ErrorCheck = Callable[[httpx2.Response, int], None]


def bits(embedding: object) -> bytes:
    """The float32 values of an embedding as they lie in memory."""
    return np.array(embedding, np.float32).tobytes()


def embedding_in(body: Any) -> list[float]:
    """The only embedding, or the first one, in an answer of any dialect."""
    # Cohere's are a list, by type in its second version.
    listed = body.get("embeddings") or body.get("imageVectors")
    vectors = listed["float"] if isinstance(listed, dict) else listed
    found = body.get("data") or body
    numbers: list[float] = (
        vectors[0] if vectors else (found[0] if isinstance(found, list) else found)["embedding"]
    )
    return numbers


def assert_unit(embedding: list[float], width: int) -> None:
    """A vector of `width` numbers and norm 1, each exactly a float32."""
    vector = np.array(embedding, np.float32)
    assert vector.shape == (width,)
    assert abs(float(np.linalg.norm(vector.astype(np.float64))) - 1) < 1e-5


def assert_made_headers(response: httpx2.Response, width: int) -> None:
    """The headers that name what made an embedding."""
    assert response.headers["X-Embedding-Model"]
    assert re.fullmatch("[0-9a-f]{12}", response.headers["X-Embedding-Revision"])
    assert response.headers["X-Embedding-Dimensions"] == str(width)
    assert response.headers["X-Request-Id"]


def assert_coreviz_error(response: httpx2.Response, status: int) -> None:
    """CoreViz's error envelope; `detail` is the only field beyond the vendor's."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"]
    body = response.json()
    assert set(body) - {"detail"} == {"error", "message"}
    assert body["error"] == COREVIZ_REASONS[status]
    assert body["message"] == COREVIZ_SENTENCES.get(status, body["message"]) != ""


def assert_pixlab_error(response: httpx2.Response, status: int) -> None:
    """PixLab's error envelope, with the exact content type that its PHP client wants."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Request-Id"]
    body = response.json()
    assert set(body) == {"status", "error"}
    assert body["status"] == status
    assert isinstance(body["error"], str)
    assert body["error"]
    if status == 401:
        assert body["error"] == "Missing/Invalid PixLab API Key"


def assert_memories_error(response: httpx2.Response, status: int) -> None:
    """memories.ai's envelope of a failure."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"]
    body = response.json()
    message = body.pop("msg")
    assert body == {"code": status, "data": None, "success": False, "failed": True}
    assert type(body["code"]) is int
    assert isinstance(message, str)
    assert message
    if status == 401:
        assert message == "Unauthorized"


def assert_openai_error(response: httpx2.Response, status: int) -> None:
    """OpenAI's envelope and Jina's in one body."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) - {"code"} == {"error", "detail", "request_id"}
    assert body["request_id"] == response.headers["X-Request-Id"]
    error = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"] == body["detail"] != ""
    assert error["type"] in OPENAI_TYPES[status]
    assert body.get("code", "UPPER").isupper()
    if status == 401:
        assert (error["code"], body["code"].split("_")[0]) == ("invalid_api_key", "AUTH")
    wait = response.headers.get("Retry-After")
    assert (wait is None) == (error["type"] == "insufficient_quota" or status not in (429, 503))
    assert wait is None or 1 <= int(wait) <= 30


def assert_voyage_error(response: httpx2.Response, status: int) -> None:
    """The sentence alone, below `/voyage`."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) - {"code"} == {"detail", "request_id"}
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert isinstance(body["detail"], str)
    assert body["detail"]


def assert_cohere_error(response: httpx2.Response, status: int) -> None:
    """Cohere's envelope: a UUID and a sentence."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"]
    body = response.json()
    assert set(body) == {"id", "message"}
    assert str(UUID(body["id"])) == body["id"]
    assert isinstance(body["message"], str)
    assert body["message"]
    wait = response.headers.get("Retry-After")
    assert (wait is None) == (status not in (429, 503))
    assert wait is None or 1 <= int(wait) <= 30


OPENAI_TYPES: Final = {
    **dict.fromkeys((400, 401, 403, 404, 405, 412, 413, 415), ("invalid_request_error",)),
    402: ("insufficient_quota",),
    429: ("rate_limit_error", "insufficient_quota"),
    500: ("server_error",),
    503: ("server_error",),
}


def assert_weaviate_error(response: httpx2.Response, status: int) -> None:
    """Weaviate's envelope: `error` is a string."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"]
    body = response.json()
    assert set(body) == {"error"}
    assert isinstance(body["error"], str)
    assert body["error"]


BEDROCK_STATUSES: Final = {401: 403, 402: 400, 405: 404, 413: 400, 415: 400, 422: 400}
"""Where most vendors have another one."""
BEDROCK_EXCEPTIONS: Final = {
    400: {"ValidationException", "ServiceQuotaExceededException"},
    403: {"AccessDeniedException", "UnrecognizedClientException"},
    404: {"ResourceNotFoundException", "UnknownOperationException"},
    412: {"ValidationException"},
    429: {"ThrottlingException"},
    500: {"InternalServerException"},
    503: {"ServiceUnavailableException"},
}


def assert_bedrock_error(response: httpx2.Response, status: int) -> None:
    """Bedrock's envelope; `status` is that of most vendors."""
    status = BEDROCK_STATUSES.get(status, status)
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["x-amzn-RequestId"] == response.headers["X-Request-Id"]
    assert response.headers["x-amzn-errortype"] in BEDROCK_EXCEPTIONS[status]
    (text,) = response.json().values()
    assert isinstance(text, str)
    assert text


def assert_plain_error(response: httpx2.Response, status: int) -> None:
    """The answer outside of every dialect."""
    assert response.status_code == status, response.text
    assert response.headers["X-Request-Id"]
    assert set(response.json()) == {"error"}


NOT_FOUND = "Not Found, /docs lists the paths"


def data_uri(data: bytes, label: str = "image/jpeg") -> str:
    """A data URI, base64."""
    return f"data:{label};base64,{base64.b64encode(data).decode()}"


def small_png() -> bytes:
    """24 x 24 pixels of noise: fits into a query, and its base64 has `+` and `/`."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    return _saved(Image.fromarray(pixels), "PNG")


def huge_png() -> bytes:
    """51 million pixels in a few kilobytes, over the default limit of 50 million."""
    return _saved(Image.new("1", (8500, 6000)), "PNG")


def icon() -> bytes:
    """An image that Pillow can read and imgvec does not take."""
    return _saved(Image.new("RGB", (32, 32), "red"), "ICO")


def _saved(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def png_of(level: int, side: int = 2) -> bytes:
    """A small grey image as a file."""
    return _saved(Image.new("L", (side, side), level), "PNG")

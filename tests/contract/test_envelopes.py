"""One table of outcomes for all dialects, and the order in which a request is judged."""

import json
from collections.abc import Callable

import httpx2
import pytest

from imgvec.accounts.keys import mint
from tests.support.contract.checks import (
    NO_SUCH_HOST,
    REFUSED_ADDRESS,
    data_uri,
    huge_png,
    icon,
    small_png,
)
from tests.support.contract.embed_routes import (
    ASSET,
    CHECKS,
    ENDPOINTS,
    KEY_HEADERS,
    OVER_BODY,
    V2,
    Asking,
)
from tests.support.contract.image_forms import Caller
from tests.support.server.places import PictureServer, Place

MEMORIES_TOO_LARGE = "Request has exceeded the limit."


@pytest.fixture(params=list(ENDPOINTS))
def asking(request: pytest.FixtureRequest, place: Place, pictures: PictureServer) -> Asking:
    """Every endpoint that embeds an image, in turn."""
    return Asking(place, ENDPOINTS[request.param], pictures)


def good(asking: Asking) -> str:
    """The address of a good image."""
    return asking.pictures.url("cat.jpg")


def mistyped(key: str) -> str:
    """The key with its last character changed."""
    return key[:-1] + ("b" if key[-1] == "a" else "a")


# Outcome: how to produce it, and its status at most dialects.
OUTCOMES: dict[str, tuple[Callable[[Asking], httpx2.Response], int]] = {
    "key missing": (lambda a: a.about(good(a), key=""), 401),
    "key wrong": (lambda a: a.about(good(a), key=mint()), 401),
    "key mistyped": (lambda a: a.about(good(a), key=mistyped(a.place.key)), 401),
    "key cut short": (lambda a: a.about(good(a), key=a.place.key[:-1]), 401),
    "key revoked": (lambda a: a.about(good(a), key=a.place.revoked_key), 401),
    "missing parameter": (lambda a: a.raw(b"{}"), 400),
    "bad parameter": (lambda a: a.about("file:///etc/hostname"), 400),
    "no body": (lambda a: a.raw(b""), 400),
    "bad JSON": (lambda a: a.raw(b'{"img": '), 400),
    "not an object": (lambda a: a.raw(b"[]"), 400),
    "address refused": (lambda a: a.about(REFUSED_ADDRESS), 400),
    "not found there": (lambda a: a.about(a.pictures.url("no-such.jpg")), 404),
    "no such host": (lambda a: a.about(NO_SUCH_HOST), 404),
    "not an image": (lambda a: a.at("text.jpg", b"not an image"), 415),
    "corrupt": (lambda a: a.at("half.png", small_png()[:800]), 415),
    "unsupported": (lambda a: a.at("icon.jpg", icon()), 415),
    "too many pixels": (lambda a: a.at("huge.png", huge_png()), 413),
    "image too large": (lambda a: a.at("big.jpg", bytes(OVER_BODY)), 413),
    "body too large": (lambda a: a.raw(bytes(OVER_BODY)), 413),
    "wrong content type": (lambda a: a.raw(b"{}", "text/plain"), 415),
    "wrong method": (lambda a: a.raw(b"", method="PUT"), 405),
    "unknown path": (lambda a: a.raw(b"{}", below="/nothing"), 404),
}
# Where a dialect has another one.
OTHERS: dict[str, dict[str, int]] = {
    "coreviz": {
        "not found there": 422,
        "no such host": 422,
        "not an image": 422,
        "corrupt": 422,
        "unsupported": 422,
        "wrong content type": 400,
    },
    "memories.ai": {
        "not found there": 400,
        "no such host": 400,
        "too many pixels": 400,
        "image too large": 400,
        "body too large": 400,
    },
    "cohere": {
        "not found there": 400,
        "no such host": 400,
        "not an image": 400,
        "corrupt": 400,
        "unsupported": 400,
    },
    "openai": {
        "not found there": 400,
        "no such host": 400,
        "not an image": 400,
        "corrupt": 400,
        "unsupported": 400,
    },
    "weaviate": {
        "not found there": 400,
        "no such host": 400,
        "not an image": 400,
        "corrupt": 400,
        "unsupported": 400,
        "wrong content type": 400,
    },
    "bedrock": {"not found there": 400, "no such host": 400},
}


@pytest.mark.parametrize("outcome", list(OUTCOMES))
def test_outcome(asking: Asking, outcome: str) -> None:
    send, usual = OUTCOMES[outcome]
    status = OTHERS.get(asking.endpoint.dialect, {}).get(outcome, usual)
    response = send(asking)
    asking.endpoint.check(response, status)
    too_large = outcome in ("too many pixels", "image too large", "body too large")
    if too_large and asking.endpoint.dialect == "memories.ai":
        assert response.json()["msg"] == MEMORIES_TOO_LARGE


# The beginning of a file of each.
NOT_READ: dict[str, bytes] = {
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08mdat",
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf\0\0\0\x08mdat",
    "PDF": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>\n',
    "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl ",
}


# The lists that an input may be in; Bedrock has bodies with and without one.
PLACES = {
    "openai": ("input",),
    "cohere": ("images",),
    "weaviate": ("images",),
    "bedrock": ("", "images"),
}


def assert_named(response: httpx2.Response, dialect: str, name: str) -> None:
    """The dialect's envelope of a bad image, whose text names the format after its position."""
    fields = {
        "pixlab": "error",
        "memories.ai": "msg",
        "cohere": "message",
        "weaviate": "error",
        "bedrock": "message",
    }
    field = fields.get(dialect, "detail")
    CHECKS[dialect](response, OTHERS.get(dialect, {}).get("not an image", 415))
    expected = f"This is {name}, which is not read; send JPEG, PNG, WebP, GIF, TIFF or BMP"
    place, _, message = response.json()[field].rpartition("[0]: ")
    assert message == expected
    assert place in PLACES.get(dialect, ("",))


@pytest.mark.parametrize("name", list(NOT_READ))
def test_a_format_that_is_not_read_is_named(asking: Asking, name: str) -> None:
    """The name of the file decides nothing."""
    file = f"unread-{name.replace(' ', '-')}.jpg"
    assert_named(asking.at(file, NOT_READ[name]), asking.endpoint.dialect, name)


@pytest.mark.parametrize("name", list(NOT_READ))
def test_a_format_that_is_not_read_is_named_however_it_is_sent(
    place: Place, pictures: PictureServer, name: str
) -> None:
    """In the request itself."""
    caller = Caller(place, pictures, "unread", NOT_READ[name])
    assert_named(caller.coreviz(image=caller.uri), "coreviz", name)
    assert_named(caller.img_embed(512, img=caller.base64), "pixlab", name)
    assert_named(caller.form(512, files={"file": caller.data}), "pixlab", name)
    assert_named(caller.llm(512, img=caller.uri), "pixlab", name)
    assert_named(caller.memories(512, files={"file": caller.data}), "memories.ai", name)


def test_good_image_after_bad_ones(asking: Asking) -> None:
    """What went wrong before poisons nothing."""
    before = asking.about(good(asking)).json()
    for name in ("bad JSON", "corrupt", "too many pixels", "no such host"):
        OUTCOMES[name][0](asking)
    after = asking.about(good(asking)).json()
    for answer in (before, after):
        for varying in ("id", "created", "request_id"):
            answer.pop(varying, None)
    assert before == after


# Two things are wrong at once; the first of them decides.
ORDER: dict[str, tuple[Callable[[Asking], httpx2.Response], int]] = {
    "method before key": (lambda a: a.raw(b"", key="", method="DELETE"), 405),
    "method before bad JSON": (lambda a: a.raw(b"{", method="PATCH"), 405),
    "path before key": (lambda a: a.raw(b"{}", key="", below="/nothing"), 404),
    "path before method": (lambda a: a.raw(b"{}", method="DELETE", below="/nothing"), 404),
    "key before missing parameter": (lambda a: a.raw(b"{}", key=""), 401),
    "header key before bad JSON": (lambda a: a.raw(b"{", key=""), 401),
    "wrong key before bad JSON": (lambda a: a.raw(b"{", key=mint()), 401),
    "header key before content type": (lambda a: a.raw(b"{}", "text/plain", key=""), 401),
    "wrong key before content type": (lambda a: a.raw(b"{}", "text/plain", key=mint()), 401),
    "key before address": (lambda a: a.about(REFUSED_ADDRESS, key=mint()), 401),
    "key before image": (lambda a: a.about(data_uri(b"no image"), key=mint()), 401),
    "wrong key before size": (lambda a: a.raw(bytes(OVER_BODY), key=mint()), 401),
}


# A body that may hold the key and cannot be read: no key was judged.
BODY_KEY: dict[str, int] = {
    "header key before bad JSON": 400,
    "header key before content type": 415,
}


@pytest.mark.parametrize("case", list(ORDER))
def test_order_of_judgement(asking: Asking, case: str) -> None:
    send, status = ORDER[case]
    if asking.endpoint.dialect == "pixlab":
        status = BODY_KEY.get(case, status)
    asking.endpoint.check(send(asking), status)


@pytest.mark.parametrize("image", ["missing", "text", "huge"])
def test_400_before_the_rest(asking: Asking, image: str) -> None:
    data = {"text": b"not an image", "huge": huge_png()}.get(image)
    url = asking.pictures.url(f"order-{image}", data)
    wrong = {"model": 7, "dimension": 7, "texts": 7, "embeddingConfig": 7}
    body = json.dumps({**asking.endpoint.body(url), **wrong}).encode()
    asking.endpoint.check(asking.raw(body), 400)


@pytest.mark.parametrize("key", ["", "revoked"])
@pytest.mark.parametrize(
    ("method", "path", "dialect"),
    [
        ("POST", "/api/ai/embeddings", "coreviz"),
        ("POST", "/api/ai/embed", "coreviz"),
        ("GET", "/imgembed", "pixlab"),
        ("POST", "/imgembed", "pixlab"),
        ("POST", "/llmimgembed", "pixlab"),
        ("POST", "/store", "pixlab"),
        ("POST", f"{V2}/embeddings/image", "memories.ai"),
        ("POST", f"{V2}/embeddings/text", "memories.ai"),
        ("POST", f"{V2}/upload", "memories.ai"),
        ("POST", f"{V2}/upload/signed-url", "memories.ai"),
        ("GET", f"{ASSET}/metadata", "memories.ai"),
        ("GET", f"{ASSET}/download", "memories.ai"),
        ("DELETE", ASSET, "memories.ai"),
        ("DELETE", f"{V2}/asset/re_000000000000000000", "memories.ai"),
        ("POST", "/v2/embed", "cohere"),
        ("POST", "/v1/embed", "cohere"),
        ("POST", "/v1/check-api-key", "cohere"),
        ("POST", "/cohere/v2/embed", "cohere"),
        ("POST", "/v1/embeddings", "openai"),
        ("POST", "/v1/multimodalembeddings", "openai"),
        ("GET", "/v1/models", "openai"),
        ("GET", "/v1/models/jina-clip-v2", "openai"),
        ("POST", "/weaviate/768/vectorize", "weaviate"),
        ("POST", "/bedrock/model/cohere.embed-v4:0/invoke", "bedrock"),
        ("POST", "/bedrock/model/nothing/invoke", "bedrock"),
    ],
)
def test_no_route_without_a_key(
    place: Place, method: str, path: str, dialect: str, key: str
) -> None:
    headers = {KEY_HEADERS[dialect]: place.revoked_key} if key else {}
    CHECKS[dialect](place.client.request(method, path, headers=headers), 401)

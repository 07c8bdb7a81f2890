"""Bodies made to break a parser: each has its status, in the vendor's envelope, at bounded cost."""

import asyncio
import resource

import pytest
from starlette.requests import Request
from starlette.types import Message

from imgvec.api.request import FORM, JSON, MULTIPART, Call, read_call
from imgvec.errors import TooLarge
from tests.support.contract.checks import assert_coreviz_error, assert_pixlab_error
from tests.support.http.hostile_bodies import BOUNDED, DOCUMENTS, END, ESCAPED, FORMS, WHOLE, part
from tests.support.http.raw_http import Answer, exchange, request
from tests.support.server.hostile_target import Target

LIMIT = 20_000_000
SECONDS = 1.5
"""Of processor time for one body at the limit. What these tests hold off took 2 to 9."""


@pytest.mark.parametrize("name", FORMS)
def test_multipart(target: Target, name: str) -> None:
    content_type, body, status = FORMS[name]
    key = f"WWW-Authenticate: {target.words['KEY']}"
    (answer,) = exchange(target.running.address, request(body, content_type, key))
    check(answer, status)
    assert target.good() == target.vector


def check(answer: Answer, status: int) -> None:
    """PixLab's answer."""
    assert answer.status == status, answer.body
    if status == 200:
        embedding = answer.json()["embedding"]
        listed = embedding if isinstance(embedding[0], list) else [embedding]
        assert {len(vector) for vector in listed} == {1024}
    else:
        assert answer.json().keys() == {"status", "error"}


@pytest.mark.parametrize("codec", ["unicode_escape", "raw_unicode_escape", "utf-7"])
def test_a_charset_cannot_make_what_nothing_can_encode(target: Target, codec: str) -> None:
    """Lone surrogates, in a request whose fields are hashed for its `Idempotency-Key`."""
    headers = (
        f"{BOUNDED}; charset={codec}",
        f"WWW-Authenticate: {target.words['KEY']}",
        f"Idempotency-Key: {codec}",
    )
    sent = request(part("note", b"\\ud800 +2AA-") + WHOLE, *headers)
    (answer,) = exchange(target.running.address, sent)
    check(answer, 200)


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("repeatable", [False, True], ids=["", "hashed"])
def test_json(target: Target, name: str, repeatable: bool) -> None:
    body, status = DOCUMENTS[name]
    headers = {"x-api-key": target.words["KEY"], "Content-Type": JSON}
    if repeatable:
        headers["Idempotency-Key"] = name.replace(" ", "-")
    answer = target.client.post("/api/ai/embeddings", content=body, headers=headers)
    if status == 200:
        assert answer.status_code == 200, answer.text
    else:
        assert_coreviz_error(answer, status)
    assert target.good() == target.vector


def test_the_key_is_judged_before_the_depth(target: Target) -> None:
    body, _ = DOCUMENTS["300 objects"]
    headers = {"Content-Type": JSON, "Idempotency-Key": "depth"}
    assert_coreviz_error(
        target.client.post("/api/ai/embeddings", content=body, headers=headers), 401
    )


@pytest.mark.parametrize("name", ESCAPED)
def test_url_encoded(target: Target, name: str) -> None:
    answer = target.client.post(
        "/imgembed",
        content=ESCAPED[name],
        headers={"Content-Type": FORM, "WWW-Authenticate": target.words["KEY"]},
    )
    assert_pixlab_error(answer, 400)


@pytest.mark.parametrize("filename", ["\\", "..", "\xff", "a/b", "C:\\a.jpg", " "])
def test_file_names_of_assets_are_never_paths(target: Target, filename: str) -> None:
    body = part("file", b"x", f'; filename="{filename}"') + END
    headers = {"Authorization": target.words["KEY"], "Content-Type": BOUNDED[14:]}
    made = target.client.post("/serve/api/v2/upload", content=body, headers=headers)
    assert made.status_code == 200, made.text
    asset = made.json()["data"]["asset_id"]
    known = target.client.get(f"/serve/api/v2/{asset}/metadata", headers=headers)
    name = known.json()["data"]["resource"][0]["original_filename"]
    assert name
    assert not {"/", "\\"} & set(name)
    assert name not in {".", ".."}


COSTLY: dict[str, tuple[str, bytes]] = {
    "percent signs": (FORM, b"a=" + b"%" * (LIMIT - 10)),
    "escapes": (FORM, b"a=" + b"%41" * (LIMIT // 3 - 10)),
    "ampersands": (FORM, b"&" * LIMIT),
    "plus signs": (FORM, b"a=" + b"+" * (LIMIT - 10)),
    "equals signs": (FORM, b"=" * LIMIT),
    "empty lists": (JSON, b'{"a":[' + b"[]," * (LIMIT // 3 - 10) + b"1]}"),
    "numbers": (JSON, b'{"a":[' + b"1.1," * (LIMIT // 4 - 10) + b"1]}"),
    "escaped text": (JSON, b'{"a":"' + b"\\u00e9" * (LIMIT // 6 - 10) + b'"}'),
    "line ends": (MULTIPART, part("a", b"\r\n" * (LIMIT // 2 - 100)) + END),
    "almost boundaries": (MULTIPART, part("a", b"\r\n--edg" * (LIMIT // 7 - 100)) + END),
    "headers": (MULTIPART, part("a", b"", "\r\na:b" * (LIMIT // 5 - 100)) + END),
    "parameters": (MULTIPART, part("a", b"", ";a=" * (LIMIT // 3 - 100)) + END),
}


async def read_in_pieces(media_type: str, body: bytes, announced: str = "") -> Call:
    """Read a body as it comes from a socket, 64 KiB at a time."""
    pieces = [body[start : start + 65_536] for start in range(0, len(body), 65_536)]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    content_type = f"{media_type}; boundary=edge".encode()
    headers = [(b"content-type", content_type), (b"content-length", announced.encode())]
    scope = {"type": "http", "method": "POST", "query_string": b"", "headers": headers}
    return await read_call(Request(scope, receive), (media_type,), LIMIT)


async def cost(name: str) -> tuple[float, int]:
    """Seconds that reading takes, and what came of it.

    The body itself is not given: asyncio formats what a loop was run for, all of it.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    call = await read_in_pieces(*COSTLY[name])
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before, len(call.body.items)


@pytest.mark.parametrize("name", COSTLY)
def test_no_body_costs_much_more_than_its_length(name: str) -> None:
    seconds, items = asyncio.run(cost(name))
    assert seconds < SECONDS
    assert items <= 1


@pytest.mark.parametrize("announced", ["9" * 19, "9" * 5000])
def test_a_length_too_long_to_be_a_number_is_too_large(announced: str) -> None:
    """Python reads no number of more than 4300 digits. A server refuses it, a gateway might not."""
    call = asyncio.run(read_in_pieces(JSON, b"{}", announced))
    assert isinstance(call.problem, TooLarge)

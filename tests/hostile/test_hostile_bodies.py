"""Bodies made to break a parser: each has its status, in the vendor's envelope, at bounded cost."""

import asyncio
import resource

import pytest
from starlette.requests import Request
from starlette.types import Message

from checks import assert_coreviz_error, assert_pixlab_error
from imgvec.dialects.call import FORM, JSON, MULTIPART, Call, read_call
from places import CAT
from raw_http import Answer, exchange, request
from target import Target

BOUNDED = f"Content-Type: {MULTIPART}; boundary=edge"
LIMIT = 20_000_000
SECONDS = 1.5
"""Of processor time for one body at the limit. What these tests hold off took 2 to 9."""


def part(name: str, value: bytes, more: str = "") -> bytes:
    """One part of a form whose boundary is `edge`."""
    head = f'--edge\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode("latin-1") + value + b"\r\n"


def file_part(filename: str = 'filename="a.jpg"', data: bytes = CAT.read_bytes()) -> bytes:
    return part("file", data, f"; {filename}")


END = b"--edge--\r\n"
WHOLE = file_part() + END
NESTED = (
    b'--edge\r\nContent-Disposition: form-data; name="file"\r\n'
    b"Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n"
    b'Content-Disposition: file; filename="a.jpg"\r\n\r\nx\r\n--inner--\r\n' + END
)

# Name: content type, body, status.
FORMS: dict[str, tuple[str, bytes, int]] = {
    "as it should be": (BOUNDED, WHOLE, 200),
    "text before the first boundary": (BOUNDED, b"preamble\r\n" + WHOLE, 400),
    "text after the last": (BOUNDED, WHOLE + b"epilogue" * 100, 200),
    "quoted boundary": (BOUNDED.replace("edge", '"edge"'), WHOLE, 200),
    "quoted boundary with a space": (
        BOUNDED.replace("edge", '"ed ge"'),
        WHOLE.replace(b"--edge", b"--ed ge"),
        200,
    ),
    "boundary of 70 characters": (
        BOUNDED.replace("edge", "e" * 70),
        WHOLE.replace(b"--edge", b"--" + b"e" * 70),
        200,
    ),
    "boundary of 5000 characters": (
        BOUNDED.replace("edge", "e" * 5000),
        WHOLE.replace(b"--edge", b"--" + b"e" * 5000),
        400,
    ),
    "no boundary": (f"Content-Type: {MULTIPART}", WHOLE, 400),
    "empty boundary": (f"Content-Type: {MULTIPART}; boundary=", WHOLE, 400),
    "another boundary": (BOUNDED.replace("edge", "rim"), WHOLE, 400),
    "two boundaries": (BOUNDED + "; boundary=rim", WHOLE, 400),
    "no final boundary": (BOUNDED, file_part(), 400),
    "cut in a header": (BOUNDED, WHOLE[:40], 400),
    "no blank line after the headers": (BOUNDED, WHOLE.replace(b"\r\n\r\n", b"\r\n", 1), 400),
    "bare line feeds": (BOUNDED, WHOLE.replace(b"\r\n", b"\n", 3), 400),
    "a part inside a part": (BOUNDED, NESTED, 400),
    "10,000 parts": (BOUNDED, part("a", b"b") * 10_000 + END, 400),
    "10,000 files": (BOUNDED, file_part(data=b"x") * 10_000 + END, 400),
    "33 texts": (BOUNDED, part("a", b"b") * 33 + WHOLE, 400),
    "32 texts": (BOUNDED, part("a", b"b") * 32 + WHOLE, 200),
    "the file twice": (BOUNDED, file_part() + WHOLE, 400),
    "a name of a megabyte": (BOUNDED, part("n" * 1_000_000, b"") + WHOLE, 400),
    "a header of a megabyte": (BOUNDED, part("n", b"", '"\r\nX: ' + "y" * 1_000_000) + END, 400),
    "10,000 headers of one part": (BOUNDED, part("n", b"", "\r\nX: y" * 10_000) + END, 400),
    "no name": (BOUNDED, WHOLE.replace(b'name="file"; ', b""), 400),
    "no disposition": (BOUNDED, WHOLE.replace(b"Content-Disposition", b"Content-Whatever"), 400),
    "an empty name": (BOUNDED, part("", b"x") + WHOLE, 200),
    "an encoded part": (
        BOUNDED,
        WHOLE.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1),
        200,
    ),
    "an empty file": (BOUNDED, file_part(data=b"") + END, 400),
    "nothing but the end": (BOUNDED, END, 400),
    "an empty form": (BOUNDED, b"", 400),
    "a path as file name": (BOUNDED, file_part('filename="../../../etc/passwd"') + END, 200),
    "a file name of 4000 characters": (BOUNDED, file_part(f'filename="{"n" * 4000}"') + END, 200),
    "a file name with NUL": (BOUNDED, file_part('filename="a\0.jpg"') + END, 200),
    "a file name with quotes": (BOUNDED, file_part('filename="a\\"b.jpg"') + END, 200),
    "an empty file name": (BOUNDED, file_part('filename=""') + END, 200),
    "a file name of no UTF-8": (BOUNDED, file_part('filename="\xff\xfe"') + END, 200),
    "a file name of RFC 2231": (BOUNDED, file_part("filename*=utf-8''a%00%2F..%ff.jpg") + END, 400),
    "two file names": (BOUNDED, file_part('filename="a"; filename="b"') + END, 200),
    **{
        f"charset {codec}": (f"{BOUNDED}; charset={codec}", WHOLE, 200)
        for codec in ("utf-8", "utf-16", "utf-7", "idna", "punycode", "undefined", "hex", "nobodys")
    },
}


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
        assert len(answer.json()["embedding"]) == 1024
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


# Name: body, status.
DOCUMENTS: dict[str, tuple[bytes, int]] = {
    "99 lists in each other": (b'{"text":"cat","x":' + b"[" * 99 + b"]" * 99 + b"}", 200),
    "100 lists in each other": (b'{"text":"cat","x":' + b"[" * 100 + b"]" * 100 + b"}", 400),
    "300 objects": (b'{"text":"cat","x":' + b'{"x":' * 300 + b"1" + b"}" * 301, 400),
    "many brackets in a text": (b'{"text":"' + b"[{" * 3000 + b'"}', 200),
    "six million empty lists": (b'{"text":"cat","x":[' + b"[]," * 6_000_000 + b"1]}", 400),
    "a member twice": (b'{"text":"dog","text":"cat"}', 200),
    "Infinity": (b'{"text":"cat","x":Infinity}', 400),
    "a number out of range": (b'{"text":"cat","x":1e999}', 400),
    "an integer of 5000 digits": (b'{"text":"cat","x":' + b"9" * 5000 + b"}", 400),
    "a lone surrogate as name": (b'{"text":"cat","\\udfff":1}', 400),
    "an overlong NUL": (b'{"text":"\xc0\x80"}', 400),
    "UTF-16": ('{"text":"cat"}'.encode("utf-16"), 400),
    "a byte order mark": (b"\xef\xbb\xbf" + b'{"text":"cat"}', 400),
    "NUL in a text": (b'{"text":"cat\\u0000"}', 200),
    "two documents": (b'{"text":"cat"}{"text":"cat"}', 400),
    "a trailing comma": (b'{"text":"cat",}', 400),
    "a comment": (b'{"text":"cat"/**/}', 400),
    "__proto__": (b'{"text":"cat","__proto__":{"a":1}}', 200),
    "whitespace": (b" " * 1_000_000, 400),
    "text of a megabyte": (b'{"text":"' + b"cat " * 250_000 + b'"}', 200),
}


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


ESCAPED = {
    "percent signs": b"a=" + b"%" * 100_000,
    "no UTF-8": b"img=%ff%fe%00&%ff=1",
    "no equals sign": b"img",
    "ampersands": b"&" * 100_000,
    "a field twice": b"img=aaaa&img=bbbb",
    "semicolons": b"img=aaaa;key=x",
}


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


async def read_in_pieces(media_type: str, body: bytes) -> Call:
    """Read a body as it comes from a socket, 64 KiB at a time."""
    pieces = [body[start : start + 65_536] for start in range(0, len(body), 65_536)]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    content_type = f"{media_type}; boundary=edge".encode()
    headers = [(b"content-type", content_type)]
    scope = {"type": "http", "method": "POST", "query_string": b"", "headers": headers}
    return await read_call(Request(scope, receive), (media_type,), LIMIT)


@pytest.mark.parametrize("name", COSTLY)
def test_no_body_costs_much_more_than_its_length(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    call = asyncio.run(read_in_pieces(*COSTLY[name]))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < SECONDS
    assert len(call.body.items) <= 1

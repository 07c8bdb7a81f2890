"""Bodies made to break a parser, each with its status."""

from imgvec.api.request import MULTIPART
from tests.support.server.places import CAT

BOUNDED = f"Content-Type: {MULTIPART}; boundary=edge"


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
    "text before the first boundary": (BOUNDED, b"preamble\r\n" + WHOLE, 200),
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
    "the file twice, a list": (BOUNDED, file_part() + WHOLE, 200),
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
    "an image without a file name": (
        BOUNDED,
        part("file", CAT.read_bytes(), "\r\nContent-Type: image/jpeg") + END,
        200,
    ),
    "an empty file name": (BOUNDED, file_part('filename=""') + END, 200),
    "a file name of no UTF-8": (BOUNDED, file_part('filename="\xff\xfe"') + END, 200),
    "a file name of RFC 2231": (BOUNDED, file_part("filename*=utf-8''a%00%2F..%ff.jpg") + END, 200),
    "two file names": (BOUNDED, file_part('filename="a"; filename="b"') + END, 200),
    **{
        f"charset {codec}": (f"{BOUNDED}; charset={codec}", WHOLE, 200)
        for codec in ("utf-8", "utf-16", "utf-7", "idna", "punycode", "undefined", "hex", "nobodys")
    },
}

# Name: body, status.
DOCUMENTS: dict[str, tuple[bytes, int]] = {
    "99 lists in each other": (b'{"text":"cat","x":' + b"[" * 99 + b"]" * 99 + b"}", 200),
    "100 lists in each other": (b'{"text":"cat","x":' + b"[" * 100 + b"]" * 100 + b"}", 400),
    "300 objects": (b'{"text":"cat","x":' + b'{"x":' * 300 + b"1" + b"}" * 301, 400),
    "many brackets in a text": (b'{"text":"' + b"[{" * 3000 + b'"}', 200),
    "six million empty lists": (b'{"text":"cat","x":[' + b"[]," * 6_000_000 + b"1]}", 400),
    "1.9 million members": (
        b'{"text":"cat"' + b"".join(b',"%x":0' % number for number in range(1_900_000)) + b"}",
        400,
    ),
    "five million numbers": (b'{"text":"cat","x":[' + b"0.1," * 4_900_000 + b"1]}", 400),
    "1000 members": (b'{"text":"cat"' + b',"a":0' * 1000 + b"}", 200),
    "a million commas in texts": (
        b'{"text":"cat","x":[' + b'"' + b',\\"\\\\,' * 500_000 + b'",1]}',
        200,
    ),
    "a member twice": (b'{"text":"dog","text":"cat"}', 200),
    "Infinity": (b'{"text":"cat","x":Infinity}', 400),
    "a number out of range": (b'{"text":"cat","x":1e999}', 400),
    "an integer of 5000 digits": (b'{"text":"cat","x":' + b"9" * 5000 + b"}", 400),
    "a lone surrogate as name": (b'{"text":"cat","\\udfff":1}', 400),
    "an overlong NUL": (b'{"text":"\xc0\x80"}', 400),
    "UTF-16": ('{"text":"cat"}'.encode("utf-16"), 400),
    "a byte order mark": (b"\xef\xbb\xbf" + b'{"text":"cat"}', 200),
    "NUL in a text": (b'{"text":"cat\\u0000"}', 200),
    "two documents": (b'{"text":"cat"}{"text":"cat"}', 400),
    "a trailing comma": (b'{"text":"cat",}', 400),
    "a comment": (b'{"text":"cat"/**/}', 400),
    "__proto__": (b'{"text":"cat","__proto__":{"a":1}}', 200),
    "whitespace": (b" " * 1_000_000, 400),
    "text of a megabyte": (b'{"text":"' + b"cat " * 250_000 + b'"}', 200),
}

ESCAPED = {
    "percent signs": b"a=" + b"%" * 100_000,
    "no UTF-8": b"img=%ff%fe%00&%ff=1",
    "no equals sign": b"img",
    "ampersands": b"&" * 100_000,
    "33 fields": b"img=aaaa" + b"&a=b" * 32,
    "a field twice": b"img=aaaa&img=bbbb",
    "semicolons": b"img=aaaa;key=x",
}

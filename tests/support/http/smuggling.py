"""Requests that are one to us, or two to whoever reads their end in another way."""

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
CHUNKED = b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n"
POST = b"POST /imgembed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
TE = b"Transfer-Encoding: chunked\r\n"


def length(of: int) -> bytes:
    return b"Content-Length: %d\r\n" % of


SMUGGLING = {
    "CL.TE": POST + length(5) + TE + b"\r\n0\r\n\r\n" + SMUGGLED,
    "CL.TE, the other way": POST + TE + length(len(CHUNKED)) + b"\r\n" + CHUNKED,
    "TE in capitals": POST + length(5) + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE.TE": POST + TE + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE, unknown": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE, a list": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE, vertical tab": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "TE, space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED,
    "TE in HTTP/1.0": POST.replace(b"1.1", b"1.0") + length(5) + TE + b"\r\n" + CHUNKED,
    "CL.CL": POST + length(0) + length(len(SMUGGLED)) + b"\r\n" + SMUGGLED,
    "CL, a list": POST + b"Content-Length: 0, 37\r\n\r\n" + SMUGGLED,
    "CL with a sign": POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "CL in hexadecimal": POST + b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "CL negative": POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "CL of 5000 digits": POST + b"Content-Length: " + b"0" * 5000 + b"\r\n\r\n" + SMUGGLED,
    "CL empty": POST + b"Content-Length:\r\n\r\n" + SMUGGLED,
    "chunk of no size": POST + TE + b"\r\n\r\n" + SMUGGLED,
    "chunk of a negative size": POST + TE + b"\r\n-1\r\n\r\n" + SMUGGLED,
    "chunk with 0x": POST + TE + b"\r\n0x0\r\n\r\n" + SMUGGLED,
    "chunk size of 30 digits": POST + TE + b"\r\n" + b"f" * 30 + b"\r\n" + SMUGGLED,
    "chunk longer than said": POST + TE + b"\r\n1\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "no Host": b"GET /health HTTP/1.1\r\n\r\n" + SMUGGLED,
    "two Hosts": b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + SMUGGLED,
    "a bare line feed in a value": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\nb\r\n\r\n" + SMUGGLED,
    "a bare carriage return": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\rY: b\r\n\r\n" + SMUGGLED,
    "NUL in a value": b"GET /health HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n" + SMUGGLED,
    "no name": b"GET /health HTTP/1.1\r\nHost: t\r\n: x\r\n\r\n" + SMUGGLED,
    "a space in the target": b"GET /health /x HTTP/1.1\r\nHost: t\r\n\r\n" + SMUGGLED,
    "HTTP/0.9": b"GET /health\r\n\r\n" + SMUGGLED,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
}

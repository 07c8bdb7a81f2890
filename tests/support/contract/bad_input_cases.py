"""The table of bad requests: what is sent, and what must come back."""

import base64
import io
import zlib
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.support.server.places import CAT

PICTURE = Image.open(CAT).convert("RGB")
JSON = {"Content-Type": "application/json"}
XML = {"Content-Type": "text/xml"}
NOBODYS = "http://a.b/store/st_" + "0" * 27
TEXT = "/embeddings/text"
VECTORIZE = "/weaviate/512/vectorize"
INVOKE = "/bedrock/model/{}/invoke"
TITAN = INVOKE.format("amazon.titan-embed-image-v1")
COHERE = INVOKE.format("cohere.embed-english-v3")
FOUR = INVOKE.format("cohere.embed-v4:0")
NOVA = INVOKE.format("amazon.nova-2-multimodal-embeddings-v1:0")
MARK = "imgvec_0123456789abcdefghijABCDEFGHIJ012"
"""Has the shape of a key and a wrong checksum; must never be seen in the log."""


def encoded(form: str) -> bytes:
    """The sample photo in another format."""
    buffer = io.BytesIO()
    PICTURE.save(buffer, form)
    return buffer.getvalue()


def cut(data: bytes, share: float = 0.6) -> bytes:
    """The beginning of a file."""
    return data[: int(len(data) * share)]


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + check

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


BROKEN = {
    "text": b"this is no image at all, whatever its name says",
    "zeros": bytes(5000),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
    "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage",
    "elf": b"\x7fELF\x02\x01\x01" + bytes(100),
    "jpeg magic only": b"\xff\xd8\xff\xe0",
    "jpeg cut": cut(encoded("JPEG")),
    "png cut": cut(encoded("PNG")),
    "webp cut": cut(encoded("WEBP")),
    "gif cut": cut(encoded("GIF")),
    "bmp cut": cut(encoded("BMP")),
    "tiff cut": cut(encoded("TIFF")),
    "jpeg without its end": encoded("JPEG")[:-200],
}
TOO_LARGE = {
    "bomb of 4 gigapixels": png_header(65535, 65535),
    "51 megapixels": png_header(8500, 6000),
    "gif of a gigapixel": b"GIF89a"
    + b"\xff\x7f\xff\x7f\x80\x00\x00"
    + bytes(6)
    + b",\x00\x00\x00\x00\xff\x7f\xff\x7f\x00\x02\x02\x44\x01\x00;",
    "bmp of 3 gigapixels": b"BM"
    + bytes(8)
    + b"\x36\0\0\0\x28\0\0\0"
    + (60000).to_bytes(4, "little") * 2
    + b"\x01\0\x18\0"
    + bytes(24),
}


@dataclass(frozen=True)
class Case:
    """A request and what must come back."""

    name: str
    dialect: str
    status: int
    method: str
    path: str
    keyword: dict[str, Any] = field(default_factory=dict)


def image_case(name: str, dialect: str, data: bytes, statuses: dict[str, int]) -> Case:
    """An image given in the usual form of a dialect."""
    text = base64.b64encode(data).decode()
    status = statuses[dialect]
    name = f"{dialect}: {name}"
    if dialect == "coreviz":
        body: dict[str, Any] = {"image": f"data:image/png;base64,{text}"}
        keyword: dict[str, Any] = {"json": body, "headers": {"x-api-key": "KEY"}}
        return Case(name, dialect, status, "POST", "/api/ai/embeddings", keyword)
    if dialect == "pixlab":
        keyword = {"data": {"key": "KEY"}, "files": {"file": ("a.png", data)}}
        return Case(name, dialect, status, "POST", "/imgembed", keyword)
    if dialect == "pixlab-llm":
        keyword = {"json": {"key": "KEY", "img": text}}
        return Case(name, "pixlab", status, "POST", "/llmimgembed", keyword)
    if dialect == "openai":
        listed = {"model": "jina-clip-v2", "input": [{"image": text}]}
        keyword = {"json": listed, "headers": {"x-api-key": "KEY"}}
        return Case(name, dialect, status, "POST", "/v1/embeddings", keyword)
    if dialect == "cohere":
        body = {"images": [text], "model": "embed-english-v3.0"}
        keyword = {"json": body, "headers": {"x-api-key": "KEY"}}
        return Case(name, dialect, status, "POST", "/v2/embed", keyword)
    if dialect == "weaviate":
        keyword = {"json": {"images": [text]}, "headers": {"x-api-key": "KEY"}}
        return Case(name, dialect, status, "POST", VECTORIZE, keyword)
    if dialect == "bedrock":
        keyword = {"json": {"inputImage": text}, "headers": {"Authorization": "Bearer KEY"}}
        return Case(name, dialect, status, "POST", TITAN, keyword)
    keyword = {
        "headers": {"Authorization": "KEY"},
        "data": {"model": "mobileclip"},
        "files": {"file": ("a.png", data)},
    }
    return Case(name, dialect, status, "POST", "/serve/api/v2/embeddings/image", keyword)


NOT_IMAGE = {
    "coreviz": 422,
    "pixlab": 415,
    "pixlab-llm": 415,
    "memories": 415,
    "openai": 400,
    "cohere": 400,
    "weaviate": 400,
    "bedrock": 400,
}
OVER = {
    "coreviz": 413,
    "pixlab": 413,
    "pixlab-llm": 413,
    "memories": 400,
    "openai": 413,
    "cohere": 413,
    "weaviate": 413,
    "bedrock": 400,
}
IMAGES = [
    *(image_case(n, d, data, NOT_IMAGE) for n, data in BROKEN.items() for d in NOT_IMAGE),
    *(image_case(n, d, data, OVER) for n, data in TOO_LARGE.items() for d in OVER),
]


def coreviz(name: str, status: int, body: Any = None, **keyword: Any) -> Case:
    """A request to CoreViz with a good key, unless it brings its own headers."""
    if body is not None:
        keyword["json"] = body
    keyword.setdefault("headers", {"x-api-key": "KEY"})
    return Case(f"coreviz: {name}", "coreviz", status, "POST", "/api/ai/embeddings", keyword)


def pixlab(name: str, status: int, method: str = "POST", **keyword: Any) -> Case:
    """A request to img-embed."""
    return Case(f"pixlab: {name}", "pixlab", status, method, "/imgembed", keyword)


def llm(name: str, status: int, **keyword: Any) -> Case:
    """A request to LLM image embed."""
    return Case(f"llm: {name}", "pixlab", status, "POST", "/llmimgembed", keyword)


def memories(name: str, status: int, path: str = "/embeddings/image", **keyword: Any) -> Case:
    """A request to memories.ai with a good key, unless it brings its own headers."""
    keyword.setdefault("headers", {"Authorization": "KEY"})
    return Case(f"memories: {name}", "memories", status, "POST", f"/serve/api/v2{path}", keyword)


def openai(name: str, status: int, given: Any = "cat", **more: Any) -> Case:
    """A request to the merged dialect."""
    body = {"model": "jina-clip-v2", "input": given, **more}
    keyword = {"json": body, "headers": {"x-api-key": "KEY"}}
    return Case(f"openai: {name}", "openai", status, "POST", "/v1/embeddings", keyword)


def cohere(name: str, status: int, path: str = "/v2/embed", **body: Any) -> Case:
    """A request to Cohere with a good key, unless it brings its own headers."""
    headers = body.pop("headers", {"Authorization": "Bearer KEY"})
    content = {"model": "embed-english-v3.0", **body}
    return Case(
        f"cohere: {name}", "cohere", status, "POST", path, {"json": content, "headers": headers}
    )


def weaviate(name: str, status: int, **keyword: Any) -> Case:
    """A request to Weaviate's module with a good key, unless it brings its own headers."""
    keyword.setdefault("headers", {"x-api-key": "KEY"})
    return Case(f"weaviate: {name}", "weaviate", status, "POST", VECTORIZE, keyword)


def bedrock(name: str, status: int, path: str = "", **keyword: Any) -> Case:
    """A request to Bedrock with a good key, unless it brings its own headers."""
    keyword.setdefault("headers", {"Authorization": "Bearer KEY"})
    return Case(f"bedrock: {name}", "bedrock", status, "POST", path or TITAN, keyword)


KEYED = {"x-api-key": "KEY", **JSON}
BAD_ADDRESSES = {
    "loopback": "http://127.0.0.1:1/a.jpg",
    "loopback as number": "http://2130706433/a.jpg",
    "loopback in octal": "http://0177.0.0.1/a.jpg",
    "loopback IPv6": "http://[::1]/a.jpg",
    "mapped loopback": "http://[::ffff:127.0.0.1]/a.jpg",
    "NAT64 loopback": "http://[64:ff9b::7f00:1]/a.jpg",
    "cloud metadata": "http://169.254.169.254/latest/meta-data/",
    "private": "http://10.0.0.1/a.jpg",
    "any address": "http://0.0.0.0/a.jpg",
    "odd port": "http://93.184.216.34:22/a.jpg",
    "user info": "http://user:secret@example.com/a.jpg",
    "backslash": "http://example.com\\@127.0.0.1/a.jpg",
    "control character": "http://exam\nple.com/a.jpg",
    "no host": "http:///a.jpg",
}
CASES = [
    *IMAGES,
    *(coreviz(f"address, {n}", 400, {"image": url}) for n, url in BAD_ADDRESSES.items()),
    *(
        pixlab(f"address, {n}", 400, "GET", params={"key": "KEY", "img": url})
        for n, url in BAD_ADDRESSES.items()
    ),
    *(
        memories(f"address, {n}", 400, json={"image_url": url, "model": "mobileclip"})
        for n, url in BAD_ADDRESSES.items()
    ),
    *(openai(f"address, {n}", 400, [{"image": url}]) for n, url in BAD_ADDRESSES.items()),
    openai("file address", 400, [{"image": "file:///etc/passwd"}]),
    openai("an object in a list in a list", 400, [[{"image": "aaaa"}]]),
    openai("deep lists", 400, [[[[[["a"]]]]]]),
    openai("true", 400, True),
    openai("a number", 400, 7),
    openai("token ids", 400, [[1, 2], [3]]),
    openai("empty texts", 400, ["", ""]),
    openai("too many texts", 400, ["a"] * 2049),
    openai("content is a number", 400, [{"content": 7}]),
    openai("content of numbers", 400, [{"content": [7]}]),
    openai("image_url is a number", 400, [{"content": [{"type": "image_url", "image_url": 7}]}]),
    openai("image gone", 400, [{"image": "GONE"}]),
    openai("dimensions in words", 400, dimensions="big"),
    openai("dimensions of a list", 400, dimensions=[512]),
    openai("an unknown model", 404, model="gpt"),
    openai("a model that is an object", 400, model={"name": "gpt"}),
    openai("two types", 400, embedding_type="int8", output_dtype="binary"),
    *(weaviate(f"address, {n}", 400, json={"images": [u]}) for n, u in BAD_ADDRESSES.items()),
    *(bedrock(f"address, {n}", 400, json={"inputImage": u}) for n, u in BAD_ADDRESSES.items()),
    coreviz("file address", 400, {"image": "file:///etc/passwd"}),
    coreviz("ftp address", 400, {"image": "ftp://example.com/a.jpg"}),
    coreviz("a local path", 400, {"image": "/etc/passwd"}),
    coreviz("bad JSON", 400, content=b'{"image": ', headers=KEYED),
    coreviz("NaN", 400, content=b'{"image": NaN}', headers=KEYED),
    coreviz("lone surrogate", 400, content=b'{"text": "\\ud800"}', headers=KEYED),
    coreviz("JSON of 100,000 brackets", 400, content=b"[" * 100_000, headers=KEYED),
    coreviz("not UTF-8", 400, content=b'{"text": "\xff\xfe"}', headers=KEYED),
    coreviz("a list", 400, ["image"]),
    coreviz("a string", 400, "image"),
    coreviz("null", 400, content=b"null", headers=KEYED),
    coreviz("empty body", 400, content=b"", headers=KEYED),
    coreviz("no field", 400, {}),
    coreviz("two fields", 400, {"image": "http://example.com/a.jpg", "text": "cat"}),
    coreviz("image is a number", 400, {"image": 7}),
    coreviz("image is a list", 400, {"image": ["http://example.com/a.jpg"]}),
    coreviz("image is empty", 400, {"image": ""}),
    coreviz("unknown model", 400, {"text": "cat", "model": "gpt"}),
    coreviz("model is a number", 400, {"text": "cat", "model": 1}),
    coreviz("unknown type", 400, {"input": "cat", "type": "audio"}),
    coreviz("type image, no address", 400, {"input": "cat", "type": "image"}),
    coreviz("data URI without base64", 400, {"image": "data:image/png,abc"}),
    coreviz("data URI, bad base64", 400, {"image": "data:image/png;base64,@@@@"}),
    coreviz("a form", 400, data={"image": "x"}, headers={"x-api-key": "KEY"}),
    coreviz("no key", 401, {"text": "cat"}, headers={}),
    coreviz("wrong key", 401, {"text": "cat"}, headers={"x-api-key": "OTHER"}),
    coreviz("mistyped key", 401, {"text": "cat"}, headers={"x-api-key": MARK}),
    coreviz("revoked key", 401, {"text": "cat"}, headers={"x-api-key": "REVOKED"}),
    coreviz(
        "two keys",
        401,
        {"text": "cat"},
        headers={"x-api-key": "KEY", "Authorization": "Bearer SECOND"},
    ),
    coreviz("bad JSON and no key", 401, content=b"{", headers=JSON),
    coreviz("body over the limit", 413, content=bytes(21_000_000), headers=KEYED),
    pixlab("no image", 400, json={"key": "KEY"}),
    pixlab("image and url", 400, "GET", params={"key": "KEY", "img": "aaaa", "url": "bbbb"}),
    pixlab("bad base64", 400, json={"key": "KEY", "img": "not base64!"}),
    pixlab("base64 of one character", 400, json={"key": "KEY", "img": "a"}),
    pixlab("base64 of no image", 415, json={"key": "KEY", "img": "aGVsbG8="}),
    pixlab("dimension 768", 400, json={"key": "KEY", "img": "aaaa", "dimension": 768}),
    pixlab("dimension in words", 400, json={"key": "KEY", "img": "aaaa", "dimension": "big"}),
    pixlab("dimension 512.5", 400, json={"key": "KEY", "img": "aaaa", "dimension": 512.5}),
    pixlab("empty file", 400, data={"key": "KEY"}, files={"file": ("a.jpg", b"")}),
    pixlab("file is text", 400, data={"key": "KEY", "file": "cat"}),
    pixlab(
        "no boundary",
        400,
        params={"key": "KEY"},
        content=b"--x\r\n",
        headers={"Content-Type": "multipart/form-data"},
    ),
    pixlab(
        "no final boundary",
        400,
        params={"key": "KEY"},
        content=b'--x\r\nContent-Disposition: form-data; name="img"\r\n\r\naaaa',
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    ),
    pixlab("a hundred parts", 400, params={"key": "KEY"}, files=[("a", ("a", b"a"))] * 100),
    pixlab("XML", 415, params={"key": "KEY"}, content=b"<a/>", headers=XML),
    pixlab("no key", 401, json={"img": "aaaa"}),
    pixlab("key is a number", 401, json={"img": "aaaa", "key": 12345}),
    pixlab("two keys", 401, params={"key": "KEY"}, json={"img": "aaaa", "key": "SECOND"}),
    pixlab("key twice, unlike", 401, "GET", params={"key": ["KEY", "SECOND"], "img": "aaaa"}),
    pixlab("revoked key", 401, "GET", params={"key": "REVOKED", "img": "aaaa"}),
    pixlab("image gone", 404, "GET", params={"key": "KEY", "img": "GONE"}),
    pixlab("stored link of nobody", 404, json={"key": "KEY", "img": NOBODYS}),
    llm("a form", 415, data={"key": "KEY", "img": "aaaa"}, params={"key": "KEY"}),
    llm("bad JSON, key beside it", 400, params={"key": "KEY"}, content=b"{", headers=JSON),
    llm("bad JSON and no key", 400, content=b"{", headers=JSON),
    memories("no model", 400, files={"file": ("a.jpg", b"x")}),
    memories("unknown model", 400, data={"model": "clip"}, files={"file": ("a.jpg", b"x")}),
    memories("no file", 400, files={"model": (None, "mobileclip")}),
    memories("file and address", 400, json={"asset_id": "re_1", "image_url": "x", "model": "m"}),
    memories("unknown asset", 400, json={"asset_id": "re_" + "0" * 18, "model": "mobileclip"}),
    memories("asset is a path", 400, json={"asset_id": "../../etc", "model": "mobileclip"}),
    memories("image gone", 400, json={"image_url": "GONE", "model": "mobileclip"}),
    memories("a form", 415, data={"model": "mobileclip"}),
    memories("no key", 401, json={"model": "mobileclip"}, headers={}),
    memories("revoked key", 401, json={}, headers={"Authorization": "REVOKED"}),
    memories("text: no input", 400, TEXT, json={"model": "mobileclip"}),
    memories("text: empty list", 400, TEXT, json={"model": "mobileclip", "input": []}),
    memories(
        "text: 101 inputs",
        400,
        TEXT,
        json={"model": "mobileclip", "input": ["a"] * 101},
    ),
    memories(
        "text: a number among them",
        400,
        TEXT,
        json={"model": "mobileclip", "input": ["a", 1]},
    ),
    memories(
        "text: wrong width",
        400,
        TEXT,
        json={"model": "mobileclip", "input": "a", "dimensionality": 768},
    ),
    *(cohere(f"address, {n}", 400, images=[url]) for n, url in BAD_ADDRESSES.items()),
    cohere("no list", 400),
    cohere("no model", 400, texts=["a"], model=None),
    cohere("unknown model", 404, texts=["a"], model="command-r"),
    cohere("model is a number", 400, texts=["a"], model=1),
    cohere("two lists", 400, texts=["a"], images=["aGk="]),
    cohere("empty list", 400, texts=[]),
    cohere("empty text", 400, texts=["a", ""]),
    cohere("texts are one string", 400, texts="a"),
    cohere("texts are an object", 400, texts={"0": "a"}),
    cohere("a list in the list", 400, texts=[["a"]]),
    cohere("97 texts", 400, texts=["a"] * 97),
    cohere("inputs at version 1", 400, "/v1/embed", inputs=[{"content": []}]),
    cohere("content is a string", 400, inputs=[{"content": "a"}]),
    cohere("content of nothing", 400, inputs=[{"content": []}]),
    cohere("a part of no type", 400, inputs=[{"content": [{"text": "a"}]}]),
    cohere("a part that is null", 400, inputs=[{"content": [None]}]),
    cohere("an image without address", 400, inputs=[{"content": [{"type": "image_url"}]}]),
    cohere("3,000 parts", 400, inputs=[{"content": [{"type": "text", "text": "a"}] * 3000}]),
    cohere("types are a string", 400, texts=["a"], embedding_types="float"),
    cohere("types hold a list", 400, texts=["a"], embedding_types=[["float"]]),
    cohere("unknown type", 400, texts=["a"], embedding_types=["float64"]),
    cohere("no types", 400, texts=["a"], embedding_types=[]),
    cohere("dimensions in words", 400, texts=["a"], output_dimension="big"),
    cohere("256 dimensions", 400, texts=["a"], model="embed-v4.0", output_dimension=256),
    cohere("unknown purpose", 400, texts=["a"], input_type="poem"),
    cohere("texts as images", 400, texts=["a"], input_type="image"),
    cohere("a text that is an image", 400, texts=["data:image/png;base64,aGk="]),
    cohere("image gone", 400, images=["GONE"]),
    cohere("no key", 401, texts=["a"], headers={}),
    cohere("revoked key", 401, texts=["a"], headers={"Authorization": "Bearer REVOKED"}),
    cohere("revoked key, check", 401, "/v1/check-api-key", headers={"x-api-key": "REVOKED"}),
    memories("upload without a file", 400, "/upload", files={"comment": (None, "x")}),
    memories("body over the limit", 400, "/upload", files={"file": ("a", bytes(20_000_001))}),
    weaviate("bad JSON", 400, content=b'{"texts": '),
    weaviate("a list", 400, json=["cat"]),
    weaviate("empty body", 400, content=b""),
    weaviate("a number among them", 400, json={"texts": ["a", 1]}),
    weaviate("a list in a list", 400, json={"images": [["a"]]}),
    weaviate("too many texts", 400, json={"texts": ["a"] * 2049}),
    weaviate("a form", 400, data={"texts": "cat"}),
    weaviate("image gone", 400, json={"images": ["GONE"]}),
    weaviate("no key", 401, json={"texts": ["cat"]}, headers={}),
    weaviate("Basic without base64", 401, json={}, headers={"Authorization": "Basic KEY"}),
    weaviate("mistyped key", 401, json={"texts": ["cat"]}, headers={"x-api-key": MARK}),
    weaviate("body over the limit", 413, content=bytes(21_000_000)),
    bedrock("bad JSON", 400, content=b'{"inputText": '),
    bedrock("a list", 400, json=["cat"]),
    bedrock("empty body", 400, content=b""),
    bedrock("image is a list", 400, json={"inputImage": ["aaaa"]}),
    bedrock("config is a list", 400, json={"inputText": "a", "embeddingConfig": [1]}),
    bedrock("image gone", 400, json={"inputImage": "GONE"}),
    bedrock("unknown model", 404, INVOKE.format("x"), json={"inputText": "a"}),
    bedrock("a path as model", 404, INVOKE.format("..%2f..%2fetc"), json={"inputText": "a"}),
    bedrock("cohere: a text is a list", 400, COHERE, json={"texts": [["a"]]}),
    bedrock("cohere: bits", 400, COHERE, json={"texts": ["a"], "embedding_types": ["binary"]}),
    bedrock("cohere: types are a text", 400, COHERE, json={"texts": ["a"], "embedding_types": "a"}),
    bedrock("v4: no dimension", 400, FOUR, json={"texts": ["a"]}),
    bedrock("v4: content is a text", 400, FOUR, json={"inputs": ["a"], "output_dimension": 512}),
    bedrock("nova: no task", 400, NOVA, json={}),
    bedrock("nova: parameters are a text", 400, NOVA, json={"singleEmbeddingParams": "a"}),
    bedrock("no key", 403, json={"inputText": "a"}, headers={}),
    bedrock("mistyped bearer", 403, json={}, headers={"Authorization": f"Bearer {MARK}"}),
    bedrock("mistyped token", 403, json={}, headers={"X-Amz-Security-Token": MARK}),
    bedrock("token of AWS", 403, json={}, headers={"X-Amz-Security-Token": "FwoGZXIvYXdz"}),
    bedrock("body over the limit", 400, content=bytes(21_000_000)),
]

"""An endless mix of hostile requests, the same for the same seed."""

import base64
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from imgvec.api.request import FORM, JSON
from tests.support.contract.bad_input_cases import BAD_ADDRESSES
from tests.support.http.hostile_bodies import BOUNDED, DOCUMENTS, END, ESCAPED, FORMS, part
from tests.support.http.odd_requests import HEADERS, PATHS
from tests.support.http.raw_http import request
from tests.support.http.smuggling import SMUGGLING
from tests.support.images.hostile_files import BOMBS, GOOD, mutated, promised

BOMB_BYTES = 20_000
LONGEST_BODY = 100_000
"""Longer bodies have their tests; here they would be most of the time."""
V2 = "/serve/api/v2"
BEDROCK_MODELS = (
    "amazon.titan-embed-image-v1",
    "cohere.embed-english-v3",
    "us.cohere.embed-v4:0",
    "amazon.nova-2-multimodal-embeddings-v1%3A0",
)


@dataclass(frozen=True)
class Hostile:
    """One request, ready to be sent."""

    family: str
    sent: bytes
    ends: bool = False
    """The server may close the connection behind it, even without an answer."""


class Mix:
    """Requests with a good key, for otherwise no more than the key would be judged."""

    def __init__(self, key: str, seed: int) -> None:
        self._key = key
        self._chance = random.Random(seed)

    def __iter__(self) -> Iterator[Hostile]:
        """Families by their weights, for ever."""
        families = list(self._families)
        weights = [weight for weight, _ in self._families.values()]
        while True:
            (family,) = self._chance.choices(families, weights)
            sent = self._families[family][1]()
            yield Hostile(family, sent, ends=family == "ends in doubt")

    @cached_property
    def _families(self) -> dict[str, tuple[int, Callable[[], bytes]]]:
        """By name: the weight in percent, and what makes a request."""
        pick = self._chance.choice
        files = list(GOOD.values())
        bombs = [make(BOMB_BYTES) for make in BOMBS.values()]
        bombs += [
            promised(format, 60_000, 60_000) for format in ("PNG", "GIF", "JPEG", "BMP", "TIFF")
        ]
        return {
            "changed image": (13, lambda: self._image(mutated(pick(files), self._chance))),
            "cut image": (6, lambda: self._image(self._cut(pick(files)))),
            "odd, whole image": (2, lambda: self._image(pick(files))),
            "bomb": (2, lambda: self._image(pick(bombs))),
            "form": (17, lambda: self._form(pick(_FORMS))),
            "URL-encoded": (9, lambda: self._escaped(pick(_ESCAPED))),
            "JSON": (13, lambda: self._document(pick(_DOCUMENTS))),
            "many members": (2, self._members),
            "list of inputs": (2, lambda: self._listed(self._odd_inputs(pick(files)))),
            "lists at Cohere": (2, lambda: self._cohere(self._odd_inputs(pick(files)))),
            "Bedrock": (2, lambda: self._bedrock(self._odd_inputs(pick(files)))),
            "lists at Weaviate": (2, lambda: self._weaviate(self._odd_inputs(pick(files)))),
            "odd base64": (2, lambda: self._coreviz({"image": self._odd_base64(pick(files))})),
            "precondition": (2, self._precondition),
            "noise": (4, self._noise),
            "forbidden address": (8, lambda: self._address(pick(_ADDRESSES))),
            "headers": (4, lambda: self._headers(pick(_HEADERS))),
            "path and method": (6, self._path),
            "ends in doubt": (2, lambda: pick(_SMUGGLING)),
        }

    def _cut(self, data: bytes) -> bytes:
        return data[: self._chance.randrange(len(data))]

    def _image(self, data: bytes) -> bytes:
        """An image in one of the dialects' forms."""
        text = base64.b64encode(data).decode()
        match self._chance.randrange(6):
            case 5:
                return self._listed([{"image": text}])
            case 0:
                return self._coreviz({"image": f"data:image/png;base64,{text}"})
            case 1:
                body = part("key", self._key.encode()) + part("file", data, '; filename="a"') + END
                return _kept(body, BOUNDED)
            case 2:
                return _json({"key": self._key, "img": text}, "/imgembed")
            case 3:
                return _json({"key": self._key, "img": text}, "/llmimgembed")
            case _:
                model = part("model", b"mobileclip")
                body = model + part("file", data, '; filename="a"') + END
                path = f"{V2}/embeddings/image"
                return _kept(body, BOUNDED, f"Authorization: {self._key}", path=path)

    def _coreviz(self, content: dict[str, str]) -> bytes:
        return _json(content, "/api/ai/embeddings", f"x-api-key: {self._key}")

    def _form(self, form: tuple[str, bytes, int]) -> bytes:
        content_type, body, _ = form
        path = self._chance.choice(("/imgembed", "/store", f"{V2}/upload"))
        keys = (f"WWW-Authenticate: {self._key}", f"Authorization: {self._key}")
        return _kept(body, content_type, *keys, path=path)

    def _escaped(self, body: bytes) -> bytes:
        return _kept(body, f"Content-Type: {FORM}", f"WWW-Authenticate: {self._key}")

    def _document(self, document: bytes) -> bytes:
        keys = (f"x-api-key: {self._key}", f"Authorization: {self._key}")
        again = f"Idempotency-Key: {self._chance.randrange(1000)}"
        more = (again,) if self._chance.random() < 0.3 else ()
        path = self._chance.choice(
            (
                "/api/ai/embeddings",
                "/imgembed",
                "/llmimgembed",
                f"{V2}/embeddings/text",
                "/v1/embeddings",
                "/v1/multimodalembeddings",
                "/v1/embed",
                "/v2/embed",
            )
        )
        return _kept(document, f"Content-Type: {JSON}", *keys, *more, path=path)

    def _members(self) -> bytes:
        """More names than any dialect has, in one level or in many."""
        count = self._chance.randrange(2, 4000)
        names = {f"{number:x}": "" for number in range(count)}
        content: dict[str, object] = {"text": "a cat", **names}
        if self._chance.random() < 0.5:
            content = {"text": "a cat", "more": [names, [names]]}
        key = f"x-api-key: {self._key}"
        body = json.dumps(content).encode()[:LONGEST_BODY]
        return _kept(body, f"Content-Type: {JSON}", key, path="/api/ai/embeddings")

    def _listed(self, given: list[object]) -> bytes:
        """Inputs at the merged dialect, in some form of vectors."""
        names = ("dimensions", "output_dtype", "encoding_format", "modality", "messages")
        kinds = ("int8", "binary", "base64", "image", "x" * 100)
        values: tuple[object, ...] = (*kinds, 512, 0, None, [], {})
        more = {self._chance.choice(names): self._chance.choice(values)}
        content = {"model": "jina-clip-v2", "input": given, **more}
        return _json(content, "/v1/embeddings", f"Authorization: Bearer {self._key}")

    def _cohere(self, given: list[object]) -> bytes:
        """One or several lists, with some other field."""
        lists = {name: given for name in ("texts", "images", "inputs") if self._coin()}
        names = ("embedding_types", "output_dimension", "input_type", "truncate", "model")
        values: tuple[object, ...] = (["int8"], ["binary"], [[]], "image", "NONE", 512, 0, None, {})
        more = {self._chance.choice(names): self._chance.choice(values)}
        content = {"model": "embed-english-v3.0", **lists, **more}
        path = self._chance.choice(("/v1/embed", "/v2/embed", "/cohere/v2/embed"))
        return _json(content, path, f"x-api-key: {self._key}")

    def _bedrock(self, given: list[object]) -> bytes:
        """Any model's fields at any of them."""
        fields = ("inputText", "inputImage", "texts", "images", "inputs", "embedding_types")
        more = ("embeddingConfig", "output_dimension", "taskType", "singleEmbeddingParams")
        values: tuple[object, ...] = (*given, given, 512, 1024.0, {}, "SINGLE_EMBEDDING")
        names = self._chance.sample((*fields, *more), self._chance.randrange(1, 4))
        content = {name: self._chance.choice(values) for name in names}
        path = f"/bedrock/model/{self._chance.choice(BEDROCK_MODELS)}/invoke"
        return _json(content, path, f"X-Amz-Security-Token: {self._key}")

    def _weaviate(self, given: list[object]) -> bytes:
        """Either list, or both, or what is no list."""
        values: tuple[object, ...] = (given, [], None, {}, "a cat", [[]])
        content = {name: self._chance.choice(values) for name in ("texts", "images")}
        path = self._chance.choice(("/weaviate/512/vectorize", "/weaviate/1024/vectorize"))
        return _json(content, path, f"x-api-key: {self._key}")

    def _coin(self) -> bool:
        return self._chance.random() < 0.5

    def _odd_inputs(self, data: bytes) -> list[object]:
        """Texts, images, parts and what is neither, up to forty of them."""
        image = self._odd_base64(data)
        part: dict[str, object] = {"type": "image_url", "image_url": {"url": image}}
        kinds = ("a cat", "", None, 7, [1, 2], image, {"image": image}, {"content": [part, part]})
        more: tuple[object, ...] = ({"text": "a", "image": image}, [{"role": "user"}], {}, [[]])
        count = self._chance.choice((1, 1, 3, 40))
        return [self._chance.choice((*kinds, *more)) for _ in range(count)]

    def _odd_base64(self, data: bytes) -> str:
        """White space, other alphabets and wrong padding somewhere in base64."""
        text = base64.b64encode(data).decode()
        at = self._chance.randrange(len(text))
        odd = self._chance.choice(("\n", "\r\n ", "=", "-", "%0A", "\x00", "\u3000", "==="))
        return f"data:image/png;base64,{text[:at]}{odd}{text[at:]}"

    def _precondition(self) -> bytes:
        """Revisions that are not served, or are none."""
        revision = self._chance.choice(("0" * 12, "0" * 64, "", "f", "\xff", "*", '"a", "b"'))
        headers = (f"x-api-key: {self._key}", f"X-Embedding-Revision: {revision}")
        content = b'{"text":"a cat"}'
        return _kept(content, f"Content-Type: {JSON}", *headers, path="/api/ai/embeddings")

    def _noise(self) -> bytes:
        body = self._chance.randbytes(self._chance.randrange(2000))
        content_type = self._chance.choice((BOUNDED, f"Content-Type: {JSON}", "X: y"))
        key = f"WWW-Authenticate: {self._key}"
        return _kept(body, content_type, key, path=self._chance.choice(("/imgembed", "/store")))

    def _address(self, address: str) -> bytes:
        match self._chance.randrange(3):
            case 0:
                return self._coreviz({"image": address})
            case 1:
                return _json({"key": self._key, "img": address}, "/imgembed")
            case _:
                content = {"image_url": address, "model": "mobileclip"}
                path = f"{V2}/embeddings/image"
                return _json(content, path, f"Authorization: {self._key}")

    def _headers(self, lines: list[str]) -> bytes:
        key = f"x-api-key: {self._key}"
        return _kept(b'{"text":7}', key, *lines, path="/api/ai/embeddings")

    def _path(self) -> bytes:
        method = self._chance.choice(("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X"))
        return _kept(b"", path=self._chance.choice(_PATHS), method=method)


def _kept(body: bytes, *headers: str, path: str = "/imgembed", method: str = "POST") -> bytes:
    """A request that leaves its connection open."""
    sent = request(body, *headers, path=path, method=method)
    return sent.replace(b"Connection: close\r\n", b"", 1)


def _json(content: Mapping[str, object], path: str, *headers: str) -> bytes:
    return _kept(json.dumps(content).encode(), f"Content-Type: {JSON}", *headers, path=path)


_FORMS = [form for form in FORMS.values() if len(form[1]) < LONGEST_BODY and form[2] != 200]
_DOCUMENTS = [body for body, status in DOCUMENTS.values() if len(body) < LONGEST_BODY]
_ESCAPED = list(ESCAPED.values())
_ADDRESSES = [url for name, url in BAD_ADDRESSES.items() if name != "odd port"]
"""The odd port is that of a public address, which is dialled."""
_HEADERS = [lines for lines, _ in HEADERS.values()]
_PATHS = list(PATHS)
_SMUGGLING = list(SMUGGLING.values())

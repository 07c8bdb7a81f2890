"""Kinds of requests that load is made of."""

import base64
import json
from typing import Final

from tests.support.server.load_client import Shot, message

JSON: Final = {"Content-Type": "application/json"}
BOUNDARY: Final = "----------------------------load"
FORM: Final = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def upload(name: str, key: str, photo: bytes, *, weight: float = 1.0, cut: bool = False) -> Shot:
    """An image in a form, at PixLab's."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in (("key", key), ("dimension", "512"))
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    body = "".join([*parts, head]).encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    return Shot(name, message("/imgembed", body, FORM), weight, cut)


def json_shot(
    name: str, path: str, content: object, headers: dict[str, str], *, weight: float = 1.0
) -> Shot:
    """A JSON request."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Shot(name, message(path, body, {**JSON, **headers}), weight)


def mixed(key: str, photo: bytes) -> dict[Shot, int]:
    """Good and bad requests, and the status that each is to get; 0 where the client hangs up."""
    inline = "data:image/jpeg;base64," + base64.b64encode(photo).decode()
    coreviz, memories = {"x-api-key": key}, {"Authorization": key}
    text = {"input": ["a cat", "a dog"], "model": "mobileclip"}
    once = {"Idempotency-Key": "the-same-each-time"}
    return {
        upload("upload", key, photo, weight=4): 200,
        json_shot("data uri", "/api/ai/embed", {"image": inline}, coreviz, weight=4): 200,
        json_shot("text", "/api/ai/embed", {"text": "a photo of a cat"}, coreviz, weight=2): 200,
        json_shot("texts", "/serve/api/v2/embeddings/text", text, memories): 200,
        json_shot("replay", "/api/ai/embed", {"image": inline}, {**coreviz, **once}): 200,
        json_shot("wrong key", "/api/ai/embed", {"text": "a"}, {"x-api-key": key[::-1]}): 401,
        json_shot("no json", "/api/ai/embed", b"{", coreviz): 400,
        json_shot("refused address", "/api/ai/embed", {"image": "http://127.0.0.1/"}, coreviz): 400,
        json_shot("no such model", "/api/ai/embed", {"text": "a", "model": "b"}, coreviz): 400,
        upload("truncated", key, photo[: len(photo) // 2]): 415,
        upload("noise", key, bytes(range(256)) * 64): 415,
        upload("hung up", key, photo, cut=True): 0,
    }

"""A running server for hostile requests, and the good answer that it must keep giving."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.support.server.places import (
    CAT,
    PictureServer,
    Running,
    create_key,
    imgvec,
    server_environment,
    start_server,
    stop_server,
)


@dataclass(frozen=True)
class Target:
    """A running server, its keys, and the vector that a good request must keep giving."""

    running: Running
    client: httpx2.Client
    words: dict[str, str]
    vector: bytes

    def good(self) -> bytes:
        """The sample photo's vector, now."""
        answer = self.client.post(
            "/imgembed", data={"key": self.words["KEY"]}, files={"file": CAT.read_bytes()}
        )
        assert answer.status_code == 200, answer.text
        return json.dumps(answer.json()["embedding"]).encode()


@contextmanager
def started_target(
    data: Path, pictures: PictureServer, log_level: str = "debug"
) -> Iterator[Target]:
    """Start `imgvec serve` with its stores in `data`."""
    environment = server_environment(data, pictures) | {"IMGVEC_LOG_LEVEL": log_level}
    key, _ = create_key("first", environment)
    second, _ = create_key("second", environment)
    revoked, revoked_id = create_key("first", environment)
    imgvec("keys", "revoke", revoked_id, environment=environment)
    other, _ = create_key("elsewhere", environment | {"IMGVEC_DATA": str(data / "elsewhere")})
    words = {
        "KEY": key,
        "SECOND": second,
        "REVOKED": revoked,
        "OTHER": other,
        "GONE": pictures.url("gone.jpg"),
    }
    running = start_server(environment)
    try:
        with httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client:
            started = Target(running, client, words, b"")
            yield Target(running, client, words, started.good())
    finally:
        stop_server(running)

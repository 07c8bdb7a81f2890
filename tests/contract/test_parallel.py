"""Sixteen clients at once, five hundred requests mixed over the dialects: every vector of one
image is identical in all its bits."""

import base64
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.support.server.places import CAT, PictureServer, Place

CLIENTS = 16
REQUESTS = 500


def floats(values: list[float]) -> bytes:
    """The bits of a vector."""
    return np.array(values, np.float32).tobytes()


def senders(
    place: Place, pictures: PictureServer
) -> list[Callable[[httpx2.Client], tuple[int, bytes]]]:
    """One sender for each dialect and form; each gives the width and the vector's bits."""
    photo, key = CAT.read_bytes(), place.key
    text = base64.b64encode(photo).decode()
    url = pictures.url("cat.jpg")

    def coreviz(image: str) -> Callable[[httpx2.Client], tuple[int, bytes]]:
        def send(client: httpx2.Client) -> tuple[int, bytes]:
            headers = {"x-api-key": key}
            answer = client.post("/api/ai/embeddings", json={"image": image}, headers=headers)
            return 768, floats(answer.raise_for_status().json()["embedding"])

        return send

    def pixlab(width: int, **keyword: Any) -> Callable[[httpx2.Client], tuple[int, bytes]]:
        def send(client: httpx2.Client) -> tuple[int, bytes]:
            fields = {"key": key, "dimension": str(width)}
            answer = client.post("/imgembed", params=fields, **keyword)
            return width, floats(answer.raise_for_status().json()["embedding"])

        return send

    def llm(client: httpx2.Client) -> tuple[int, bytes]:
        answer = client.post("/llmimgembed", json={"key": key, "img": text})
        return 512, floats(answer.raise_for_status().json()["embedding"])

    def memories(client: httpx2.Client) -> tuple[int, bytes]:
        answer = client.post(
            "/serve/api/v2/embeddings/image",
            headers={"Authorization": key},
            data={"model": "multimodalembedding@001"},
            files={"file": ("cat.jpg", photo)},
        )
        return 1024, floats(answer.raise_for_status().json()["data"]["embedding"])

    return [
        coreviz(url),
        coreviz(f"data:image/jpeg;base64,{text}"),
        pixlab(1024, files={"file": ("cat.jpg", photo)}),
        pixlab(512, json={"img": text}),
        pixlab(512, data={"url": url}),
        llm,
        memories,
    ]


@pytest.mark.parametrize("place", ["uvicorn"], indirect=True)
def test_parallel_requests_agree_in_every_bit(place: Place, pictures: PictureServer) -> None:
    senders_ = senders(place, pictures)
    seen: dict[int, set[bytes]] = defaultdict(set)
    with (
        ThreadPoolExecutor(CLIENTS) as pool,
        httpx2.Client(
            base_url=place.client.base_url,
            timeout=120,
            trust_env=False,
            limits=httpx2.Limits(max_connections=CLIENTS),
        ) as client,
    ):
        jobs = [pool.submit(senders_[n % len(senders_)], client) for n in range(REQUESTS)]
        for job in jobs:
            width, bits = job.result()
            seen[width].add(bits)
    assert {width: len(vectors) for width, vectors in seen.items()} == {512: 1, 768: 1, 1024: 1}
    for width, vectors in seen.items():
        assert len(vectors.pop()) == 4 * width

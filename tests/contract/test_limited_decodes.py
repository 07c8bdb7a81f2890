"""Decodes whose request fails cost tokens of the rate, and twins of a request make no work."""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx2
import pytest

from imgvec.api.application import close
from imgvec.app import create_app
from imgvec.embedding.types import ImageBytes, ImageInput, each
from imgvec.errors import NotAnImage, TooFast
from imgvec.images.decode import decode
from imgvec.settings import load_settings
from imgvec.types import Principal, RequestContext
from tests.support.contract.checks import assert_pixlab_error, data_uri, small_png
from tests.support.contract.embed_routes import ENDPOINTS
from tests.support.contract.limited_consumer import Consumer, command


def burning(seconds: float) -> Callable[..., object]:
    """A decoder that works for a while and then finds the image bad."""

    def decode(*_: object) -> object:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass
        raise NotAnImage

    return decode


def waiting(*_: object) -> object:
    """One that lets others work."""
    time.sleep(0.4)
    raise NotAnImage


@pytest.fixture
def limited(consumer: Consumer) -> Consumer:
    """Three requests at once, then one a second."""
    consumer.limited("--rate", "1", "--burst", "3")
    return consumer


def ask(consumer: Consumer, data: bytes) -> httpx2.Response:
    return consumer.embed(ENDPOINTS["pixlab"], data_uri(data))


def test_one_that_fails_after_much_work_costs_more_tokens(
    limited: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgvec.embedding.compute.decode", burning(0.4))
    assert_pixlab_error(ask(limited, b"bad"), 415)
    rejected = ask(limited, b"bad")
    assert_pixlab_error(rejected, 429)
    # One token, then eight of 50 ms each, of three; one a second comes back.
    assert 5 <= int(rejected.headers["Retry-After"]) <= 7
    assert rejected.headers["RateLimit-Remaining"] == "0"


def test_one_that_fails_at_once_costs_its_own(limited: Consumer) -> None:
    sent = [ask(limited, b"bad").status_code for _ in range(3)]
    assert sent == [415] * 3


@pytest.mark.parametrize(("start", "then"), [(b"\0\0\0\0ftypavif", 429), (b"bad", 415)])
def test_a_decoder_in_a_process_of_its_own_is_timed_by_the_clock(
    limited: Consumer, monkeypatch: pytest.MonkeyPatch, start: bytes, then: int
) -> None:
    monkeypatch.setattr("imgvec.embedding.compute.decode", waiting)
    assert_pixlab_error(ask(limited, start), 415)
    assert_pixlab_error(ask(limited, start), then)


def test_images_whose_list_fails_cost_as_much(
    limited: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, burn = b"bad", burning(0.2)

    def slowly(data: bytes, *rest: Any) -> object:
        try:
            return burn()
        except NotAnImage:
            return decode(small_png() if data != bad else bad, *rest)

    monkeypatch.setattr("imgvec.embedding.compute.decode", slowly)
    images = [data_uri(small_png()), data_uri(bad)]
    sent = limited.ask("POST", "/imgembed", json={"img": images})
    assert_pixlab_error(sent, 415)
    assert_pixlab_error(ask(limited, small_png()), 429)


def test_a_client_that_leaves_in_the_middle_pays_for_the_rest(
    limited: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go, burn = Event(), Event(), burning(0.4)

    def held(*arguments: object) -> object:
        begun.set()
        assert go.wait(30)
        return burn(*arguments)

    monkeypatch.setattr("imgvec.embedding.compute.decode", held)
    app = create_app(load_settings(limited.environment))
    services = app.state.services

    async def leaving() -> Principal:
        principal: Principal = await services.authenticate(frozenset({limited.key}))
        wanted = each([ImageInput(ImageBytes(b"bad"))], 512)
        context = RequestContext("r", "pixlab", "")
        request = asyncio.create_task(app.state.embedding.embed(principal, wanted, context))
        await asyncio.to_thread(begun.wait, 30)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        return principal

    principal = asyncio.run(leaving())
    go.set()
    close(app)
    with pytest.raises(TooFast):
        services.authenticator.take_rate(principal)


def test_twins_wait_without_a_place_and_without_work(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    go = Event()

    def held(*arguments: Any) -> object:
        begun.append(1)
        assert go.wait(30)
        return decode(*arguments)

    monkeypatch.setattr("imgvec.embedding.compute.decode", held)
    with ThreadPoolExecutor(5) as pool:
        header = {"Idempotency-Key": "order-1"}
        image = data_uri(small_png())
        asked = [
            pool.submit(consumer.embed, ENDPOINTS["pixlab"], image, **header) for _ in range(5)
        ]
        time.sleep(1.0)
        at_work = len(begun)
        go.set()
        answers = [one.result() for one in asked]
    assert at_work == 1
    assert {one.status_code for one in answers} == {200}
    rows = json.loads(command(consumer.environment, "usage", "acme", "--json"))
    assert rows == [{"consumer": "acme", "images": 1}]

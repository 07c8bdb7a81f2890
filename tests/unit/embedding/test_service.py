"""The service without HTTP: lists in order, units, fairness between consumers, no deadlock."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pytest

from imgvec.embedding.compute import Compute
from imgvec.embedding.elements import Element
from imgvec.embedding.in_flight import InFlight
from imgvec.embedding.metered import NoAccounts
from imgvec.embedding.service import FILES, EmbeddingService
from imgvec.embedding.sources import Sources
from imgvec.embedding.types import (
    EmbedRequest,
    ImageBytes,
    ImageInput,
    ImageUrl,
    Part,
    TextInput,
    each,
)
from imgvec.encoders import TextLimit
from imgvec.encoders.registry import Encoders
from imgvec.errors import AssetNotFound, BadParameter, FetchFailed, NotAnImage, Overloaded
from imgvec.settings import Settings
from imgvec.types import CLIP_GEOMETRY, Geometry, Pixels, Principal, RequestContext, Vector
from tests.support.contract.checks import png_of

T = TypeVar("T")
CONTEXT = RequestContext("request", "test", "")
FILE_BYTES = 1000
"""Size of a file that is fetched."""


@dataclass
class Grey:
    """Gives the first channel's level; waits for `steps` before each inference."""

    name: str = "grey"
    revision: str = "0" * 64
    image_size: int = 2
    geometry: Geometry = CLIP_GEOMETRY
    image_tokens: int = 3
    dimensions: frozenset[int] = frozenset({2})
    preferred: int = 2
    composed: frozenset[int] = frozenset()
    scales: Mapping[int, float] = field(default_factory=dict)
    text_limit: TextLimit = field(default_factory=TextLimit)
    embeds_text: bool = True
    steps: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(10**6))
    order: list[int] = field(default_factory=list)

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        self.steps.acquire(timeout=60)
        level = int(pixels[0, 0, 0])
        self.order.append(level)
        return _unit(level)

    def encode_text(self, text: str, dimensions: int) -> tuple[Vector, int]:
        return _unit(len(text)), len(text)


SILENT = "0"
"""A URL whose server sends nothing."""


def _unit(level: int) -> Vector:
    """A vector that tells its level: its first number over its second."""
    vector = np.array([level, 1], np.float32)
    return vector / np.linalg.norm(vector)


def level_of(vector: Vector) -> int:
    """The level of such a vector."""
    return round(float(vector[0] / vector[1]))


def image(level: int) -> ImageInput:
    """A grey image that comes with its request."""
    return ImageInput(ImageBytes(png_of(level)))


@dataclass
class Service:
    """A service over the grey encoder, with one thread."""

    encoder: Grey
    embedding: EmbeddingService
    in_flight: InFlight
    fetched: list[str]

    async def levels(self, consumer: str, *parts: Part) -> list[int]:
        """Embed each part; the levels in order."""
        result = await self.embedding.embed(Principal(consumer, "k"), each(parts, 2), CONTEXT)
        return [level_of(one.vector) for one in result.embeddings]


@contextmanager
def serving(
    most_bytes: int = 10**6, queue_seconds: float = 300, list_seconds: float = 10
) -> Iterator[Service]:
    encoder = Grey()
    encoders = Encoders((encoder,))
    in_flight = InFlight(most_bytes)
    fetched: list[str] = []

    async def fetch(url: str, most: int | None) -> bytes:
        fetched.append(url)
        await asyncio.sleep(0 if url != SILENT else 60)
        return png_of(int(url)).ljust(FILE_BYTES, b"\0")

    async def load(consumer: str, asset_id: str) -> bytes:
        raise AssetNotFound

    compute = Compute(encoders, Settings(workers=1, queue_seconds=queue_seconds))
    service = EmbeddingService(
        encoders, compute, Sources(fetch, load, in_flight, list_seconds), NoAccounts()
    )
    try:
        yield Service(encoder, service, in_flight, fetched)
    finally:
        encoder.steps.release(10**6)
        service.close()


def run(scenario: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run it, for at most half a minute."""

    async def bounded() -> T:
        async with asyncio.timeout(30):
            return await scenario()

    return asyncio.run(bounded())


def test_a_list_of_images_and_texts_comes_back_in_order() -> None:
    with serving() as service:
        parts = (image(7), TextInput("four"), image(9), ImageInput(ImageUrl("11")))
        assert run(lambda: service.levels("a", *parts)) == [7, 4, 9, 11]


def test_an_input_of_several_parts_is_their_sum_at_norm_1() -> None:
    with serving() as service:
        wanted = EmbedRequest(((image(7), TextInput("four")), (image(9),)), 2)
        embed = service.embedding.embed(Principal("a", "k"), wanted, CONTEXT)
        result = asyncio.run(embed)
        total = _unit(7) + _unit(4)
        assert np.allclose(result.embeddings[0].vector, total / np.linalg.norm(total), atol=1e-6)
        assert [one.tokens for one in result.embeddings] == [3 + 4, 3]
        assert result.tokens == 10


@pytest.mark.parametrize("limit", [TextLimit(4, 8), TextLimit(5, 3)], ids=["tokens", "characters"])
def test_a_text_that_may_be_cut_is_rejected_where_it_is_to_be_whole(limit: TextLimit) -> None:
    with serving() as service:
        service.encoder.text_limit = limit
        embed = service.embedding.embed
        cut = EmbedRequest(((image(1),), (TextInput("one"),), (TextInput("four"),)), 2)
        assert len(run(lambda: embed(Principal("a", "k"), cut, CONTEXT)).embeddings) == 3
        with pytest.raises(BadParameter, match=f"has {limit.tokens} tokens or more") as problem:
            run(lambda: embed(Principal("a", "k"), replace(cut, whole=True), CONTEXT))
        assert problem.value.position == 2
        short = EmbedRequest(((image(1),), (TextInput("one"),)), 2, whole=True)
        assert len(run(lambda: embed(Principal("a", "k"), short, CONTEXT)).embeddings) == 2


def test_all_or_nothing() -> None:
    with serving() as service:
        bad = ImageInput(ImageBytes(b"not an image"))
        with pytest.raises(NotAnImage):
            run(lambda: service.levels("a", image(1), bad, image(2)))
        assert service.in_flight.bytes == 0
        assert run(lambda: service.levels("a", image(3))) == [3]


@pytest.mark.parametrize("inputs", [(), ((),), ((image(1),), ())], ids=["none", "empty", "one"])
def test_a_request_without_parts_is_rejected(inputs: tuple[tuple[Part, ...], ...]) -> None:
    with serving() as service, pytest.raises(BadParameter, match="nothing to embed"):
        wanted = EmbedRequest(inputs, 2)
        asyncio.run(service.embedding.embed(Principal("a", "k"), wanted, CONTEXT))


def test_the_input_at_fault_is_named_by_its_place() -> None:
    with serving() as service:
        bad = ImageInput(ImageBytes(b"not an image"))
        wanted = EmbedRequest(((image(1), image(2)), (TextInput("a"),), (image(3), bad)), 2)
        with pytest.raises(NotAnImage) as problem:
            run(lambda: service.embedding.embed(Principal("a", "k"), wanted, CONTEXT))
        assert problem.value.position == 2


def test_a_list_fetches_eight_files_at_a_time_under_one_deadline() -> None:
    """Of 20 URLs none answers: eight are asked, and all end with the one deadline."""
    with serving(list_seconds=0.5) as service:
        with pytest.raises(FetchFailed):
            run(lambda: service.levels("a", *[ImageInput(ImageUrl(SILENT))] * 20))
        assert service.fetched == [SILENT] * FILES


def test_a_named_encoder_and_none_in_its_place() -> None:
    with serving() as service:
        name = service.encoder.name
        wanted = EmbedRequest(((image(7),),), 2, name)
        embed = service.embedding.embed
        assert run(lambda: embed(Principal("a", "k"), wanted, CONTEXT)).model == name
        other = EmbedRequest(((image(7),),), 2, "other")
        with pytest.raises(BadParameter):
            run(lambda: embed(Principal("a", "k"), other, CONTEXT))


@pytest.mark.parametrize("element", ["int8", "uint8"])
def test_integers_where_the_space_has_no_scale(element: Element) -> None:
    with serving() as service:
        wanted = EmbedRequest(((image(7),),), 2, elements=("float", element))
        with pytest.raises(BadParameter, match="no 8-bit integers in 2 dimensions"):
            run(lambda: service.embedding.embed(Principal("a", "k"), wanted, CONTEXT))
        service.encoder.scales = {2: 99.5}
        result = run(lambda: service.embedding.embed(Principal("a", "k"), wanted, CONTEXT))
        assert result.scale == 99.5


@pytest.mark.parametrize("element", ["binary", "ubinary"])
def test_bits_of_a_text_where_it_ends_in_zeros(element: Element) -> None:
    with serving() as service:
        service.encoder.dimensions, service.encoder.composed = frozenset({1, 2}), frozenset({2})
        embed = service.embedding.embed
        texts = EmbedRequest(((image(7),), (TextInput("a"),)), 2, elements=(element,))
        with pytest.raises(BadParameter, match="no binary form in 2 dimensions, ask for 1"):
            run(lambda: embed(Principal("a", "k"), texts, CONTEXT))
        images = EmbedRequest(((image(7),),), 2, elements=(element,))
        assert run(lambda: embed(Principal("a", "k"), images, CONTEXT)).scale is None


def test_dimensions_that_no_encoder_has() -> None:
    with serving() as service, pytest.raises(BadParameter):
        wanted = each([image(1)], 3)
        asyncio.run(service.embedding.embed(Principal("a", "k"), wanted, CONTEXT))


@pytest.mark.parametrize("lists", [1, 4])
def test_one_consumers_line_does_not_hold_up_another(lists: int) -> None:
    """A hundred images, in single requests or in lists; then one of another consumer."""

    async def scenario() -> None:
        while service.encoder.order == []:
            await asyncio.sleep(0.01)
        service.encoder.order.clear()
        many = [
            asyncio.create_task(service.levels("many", *[image(1)] * lists))
            for _ in range(100 // lists)
        ]
        await asyncio.sleep(0.3)
        other = asyncio.create_task(service.levels("other", image(2)))
        while not other.done():
            service.encoder.steps.release()
            await asyncio.sleep(0.01)
        assert await other == [2]
        service.encoder.steps.release(10**6)
        await asyncio.gather(*many)

    with serving() as service:
        service.encoder.steps = threading.Semaphore(1)
        run(scenario)
        # Before it: the job at work, turns of the other consumer, and those of the hand-over from
        # decode to encode. A line would have all hundred before it.
        assert service.encoder.order.index(2) <= 6
        assert len(service.encoder.order) == 101


def test_lists_longer_than_the_permits_do_not_lock_each_other() -> None:
    async def scenario() -> list[list[int]]:
        jobs = [service.levels(f"c{n}", *[image(n)] * 30) for n in range(1, 9)]
        return await asyncio.gather(*jobs)

    with serving() as service:
        assert run(scenario) == [[n] * 30 for n in range(1, 9)]


def test_fetched_images_wait_for_room_and_are_not_rejected() -> None:
    """Forty files where three fit at the same time."""

    async def scenario() -> list[list[int]]:
        urls = [ImageInput(ImageUrl(str(level))) for level in range(1, 11)]
        return await asyncio.gather(*(service.levels(f"c{n}", *urls) for n in range(4)))

    with serving(most_bytes=6 * FILE_BYTES) as service:
        assert run(scenario) == [list(range(1, 11))] * 4
        assert service.in_flight.bytes == 0
        assert len(service.fetched) == 40


def test_a_request_that_would_wait_too_long_is_rejected_with_the_time_to_wait() -> None:
    async def scenario() -> int:
        while service.encoder.order == []:
            await asyncio.sleep(0.01)
        many = asyncio.create_task(service.levels("many", *[image(1)] * 2000))
        await asyncio.sleep(0.3)
        with pytest.raises(Overloaded) as rejected:
            await service.levels("other", image(2))
        many.cancel()
        await asyncio.gather(many, return_exceptions=True)
        assert service.embedding.rejection() is None
        return rejected.value.retry_after

    with serving(queue_seconds=0.001) as service:
        service.encoder.steps = threading.Semaphore(1)
        assert run(scenario) >= 1


def test_a_client_that_leaves_frees_its_place_and_its_bytes() -> None:
    async def scenario() -> None:
        while service.encoder.order == []:
            await asyncio.sleep(0.01)
        urls = [ImageInput(ImageUrl("5"))] * 20
        gone = asyncio.create_task(service.levels("gone", *urls))
        await asyncio.sleep(0.2)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert service.in_flight.bytes == 0
        before = len(service.encoder.order)
        service.encoder.steps.release(10**6)
        assert await service.levels("stays", image(4)) == [4]
        # At most the inference that had begun.
        assert len(service.encoder.order) <= before + 2

    with serving() as service:
        service.encoder.steps = threading.Semaphore(1)
        run(scenario)


def test_images_whose_clients_left_before_their_decode_do_not_hold_up_others() -> None:
    """A decode that never begins brings no image, so no batch waits for it."""

    async def scenario() -> None:
        while service.encoder.order == []:
            await asyncio.sleep(0.01)
        busy = asyncio.create_task(service.levels("busy", image(1)))
        await asyncio.sleep(0.1)
        gone = [asyncio.create_task(service.levels("gone", image(5))) for _ in range(20)]
        await asyncio.sleep(0.1)
        for one in gone:
            one.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        service.encoder.steps.release(10**6)
        assert await busy == [1]
        assert await service.levels("stays", image(4)) == [4]

    with serving() as service:
        service.encoder.steps = threading.Semaphore(1)
        run(scenario)

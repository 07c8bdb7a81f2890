"""The embedding service, from sources to vectors; called by HTTP, CLI and bulk jobs."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgvec.accounts.metering import Charge
from imgvec.embedding.checks import check_elements, check_whole
from imgvec.embedding.compute import Compute
from imgvec.embedding.elements import SCALED
from imgvec.embedding.metered import Accounts, Counted, NoAccounts
from imgvec.embedding.precondition import check_revision
from imgvec.embedding.sources import Sources
from imgvec.embedding.types import Embedding, EmbedRequest, EmbedResult, Part, Prepared, TextInput
from imgvec.encoders import Encoder, images_only
from imgvec.encoders.registry import Encoders
from imgvec.errors import BadParameter, InternalFault, Overloaded, RequestError, TooFast
from imgvec.request_log import stage
from imgvec.types import Allowance, ImageFacts, Principal, RequestContext, Vector

T = TypeVar("T")

FILES: Final = 8
"""Files of one request that are fetched, or held to be decoded, at the same time."""


class EmbeddingService:
    """Embeds the inputs of a request, all or nothing."""

    def __init__(
        self,
        encoders: Encoders,
        compute: Compute,
        sources: Sources,
        accounts: Accounts,
    ) -> None:
        """`NoAccounts` limits and counts nothing."""
        self.encoders = encoders
        self.line = compute.line
        self._compute = compute
        self._sources = sources
        self._accounts = accounts

    async def embed(
        self, principal: Principal, wanted: EmbedRequest, context: RequestContext
    ) -> EmbedResult:
        """Embed every input, in order; each part is one unit.

        Raises:
            RequestError: the dialect turns it into its error response.
        """
        encoder, parts = self._encoder_for(wanted), wanted.parts
        check_revision(context.revision, encoder.revision)
        consumer, dimensions = principal.consumer, wanted.dimensions
        charge = Charge(principal, context.at(dimensions), dimensions, encoder.revision)
        async with self._accounts.request(charge, len(parts)) as counted:
            with self.line.place(len(parts)):
                # Large images take milliseconds to digest, and few requests have a key.
                digested = wanted.digested or context.idempotency_key is not None
                prepared = await self._prepared(encoder, wanted, principal, digested, counted)
                async with counted.units([one.digest for one in prepared]):
                    encoded = await self._encoded(encoder, prepared, dimensions, consumer)
                    if wanted.whole:
                        check_whole(wanted, encoder, encoded)
        facts = tuple(one.facts for one in prepared if one.facts is not None)
        digests = tuple(one.digest for one in prepared) if wanted.digested else ()
        return _result(wanted, encoder, encoded, facts, counted.allowance, digests)

    async def prepare_each(
        self, principal: Principal, wanted: EmbedRequest
    ) -> list[Prepared | RequestError]:
        """Read and decode each image of a bulk job; a bad one gives its error.

        Raises:
            TooFast, InternalFault, NotReady: the fault is not the image's.
        """
        encoder = self._encoder_for(wanted)
        prepare = self._preparing(encoder, wanted, principal, True, NoAccounts(), None)

        async def judged(part: Part) -> Prepared | RequestError:
            try:
                return await prepare(part)
            except RequestError as error:
                if error.status == TooFast.status or error.status >= InternalFault.status:
                    raise
                return error

        return await _gathered(judged(part) for part in wanted.parts)

    async def encode_each(
        self, consumer: str, encoder: Encoder, dimensions: int, prepared: Sequence[Prepared]
    ) -> list[Vector]:
        """The vectors of images that `prepare_each` has decoded."""
        made = await self._encoded(encoder, prepared, dimensions, consumer)
        return [one.vector for one in made]

    async def ready(self) -> bool:
        """Whether a real inference has passed."""
        return await self._compute.ready()

    def rejection(self) -> Overloaded | None:
        """The error for one more request if it would wait too long, else None."""
        return self.line.rejection()

    def close(self) -> None:
        """Finish running work and end the threads."""
        self._compute.close()

    def _encoder_for(self, wanted: EmbedRequest) -> Encoder:
        if not wanted.inputs or not all(wanted.inputs):
            raise BadParameter("There is nothing to embed")
        encoder = (
            self.encoders.for_dimensions(wanted.dimensions)
            if wanted.encoder is None
            else self.encoders.named(wanted.encoder)
        )
        if encoder is None or wanted.dimensions not in encoder.dimensions:
            known = sorted({number for one in self.encoders for number in one.dimensions})
            raise BadParameter(f"The dimensions must be one of: {', '.join(map(str, known))}")
        has_text = any(isinstance(one, TextInput) for one in wanted.parts)
        if has_text and not encoder.embeds_text:
            raise images_only(encoder.name)
        check_elements(wanted, encoder, has_text)
        return encoder

    async def _prepared(
        self,
        encoder: Encoder,
        wanted: EmbedRequest,
        principal: Principal,
        digested: bool,
        counted: Counted,
    ) -> list[Prepared]:
        deadline = self._sources.deadline(wanted.parts)
        prepare = self._preparing(encoder, wanted, principal, digested, counted, deadline)

        async def placed(position: int, part: Part) -> Prepared:
            try:
                return await prepare(part)
            except RequestError as error:
                error.position = position
                raise

        inputs = enumerate(wanted.inputs)
        return await _gathered(placed(position, part) for position, one in inputs for part in one)

    def _preparing(
        self,
        encoder: Encoder,
        wanted: EmbedRequest,
        principal: Principal,
        digested: bool,
        counted: Counted,
        deadline: float | None,
    ) -> Callable[[Part], Coroutine[Any, Any, Prepared]]:
        consumer = principal.consumer
        most = None if principal.plan is None else principal.plan.max_bytes
        # Decoded pixels wait for the encoder, and not files, so a list takes little memory.
        files = asyncio.Semaphore(FILES)

        async def prepare(part: Part) -> Prepared:
            if isinstance(part, TextInput):
                return Prepared(part.text, _digest(part.text.encode()) if digested else b"")
            async with files, self._sources.opened(part.source, consumer, most, deadline) as data:
                pixels = await self._compute.decode(encoder, data, consumer, counted.decoded)
                facts = await self._compute.describe(data, consumer) if wanted.described else None
                return Prepared(pixels, _digest(data) if digested else b"", facts)

        return prepare

    async def _encoded(
        self, encoder: Encoder, prepared: Sequence[Prepared], dimensions: int, consumer: str
    ) -> list[Embedding]:
        encode_text, encode_image = self._compute.encode_text, self._compute.encode_image
        with stage("encode"):
            return await _gathered(
                encode_text(encoder, one.content, dimensions, consumer)
                if isinstance(one.content, str)
                else encode_image(encoder, one.content, dimensions, consumer)
                for one in prepared
            )


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _result(
    wanted: EmbedRequest,
    encoder: Encoder,
    encoded: Sequence[Embedding],
    facts: tuple[ImageFacts, ...],
    allowance: Allowance | None,
    digests: tuple[bytes, ...],
) -> EmbedResult:
    """One embedding for each input: that of its only part, or the sum of its parts at norm 1."""
    remaining = iter(encoded)
    embeddings = tuple(_sum([next(remaining) for _ in one]) for one in wanted.inputs)
    scaled = not SCALED.isdisjoint(wanted.elements)
    scale = encoder.scales[wanted.dimensions] if scaled else None
    return EmbedResult(
        embeddings,
        encoder.name,
        encoder.revision,
        wanted.dimensions,
        scale,
        facts,
        allowance,
        digests,
    )


async def _gathered(jobs: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all jobs, in order; the first failure cancels the others."""
    first, *others = jobs
    if not others:
        # Most requests have one part, and a task of its own would cost more than it does.
        return [await first]
    tasks = [asyncio.ensure_future(job) for job in (first, *others)]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _sum(parts: Sequence[Embedding]) -> Embedding:
    if len(parts) == 1:
        return parts[0]
    total: NDArray[np.float64] = np.zeros(parts[0].vector.shape)
    for part in parts:
        total += part.vector
    vector = (total / np.linalg.norm(total)).astype(np.float32)
    tokens = sum(part.tokens for part in parts)
    return Embedding(vector, tokens, sum(part.text_tokens for part in parts))

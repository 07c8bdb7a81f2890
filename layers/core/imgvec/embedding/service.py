"""The embedding service, from sources to vectors; called by HTTP, CLI and bulk jobs."""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgvec.accounts.charge import Charge
from imgvec.accounts.usage import reported
from imgvec.embedding.compute import Compute
from imgvec.embedding.metered import Accounts
from imgvec.embedding.sources import Sources
from imgvec.embedding.types import Embedding, EmbedRequest, EmbedResult, Part, TextInput
from imgvec.encoders import Encoder, images_only
from imgvec.encoders.registry import Encoders
from imgvec.errors import BadParameter, Overloaded
from imgvec.request_log import UsageEvent, current, stage
from imgvec.types import Allowance, Pixels, Principal, RequestContext, tightest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A part that is ready to be encoded."""

    content: Pixels | str
    digest: bytes = b""
    """SHA-256 of the file or the text; empty without an `Idempotency-Key`."""


class EmbeddingService:
    """Embeds the inputs of a request, all or nothing."""

    def __init__(
        self,
        encoders: Encoders,
        compute: Compute,
        sources: Sources,
        accounts: Accounts | None = None,
    ) -> None:
        """Without `accounts` nothing is limited or counted."""
        self._encoders = encoders
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
        encoder = self._encoder_for(wanted)
        units = len(wanted.parts)
        if self._accounts is None:
            with self._compute.line.place(units):
                prepared = await self._prepared(principal, wanted, context, encoder)
                encoded = await self._encoded(principal, wanted, encoder, prepared)
            return _result(wanted, encoder, encoded, None)
        known = await self._accounts.check(principal, context)
        with reported(_usage_event(principal, wanted, context, encoder)) as event:
            current().usage = event
            rate = self._accounts.authorize(principal, wanted.dimensions, units, known=known)
            with self._compute.line.place(units):
                prepared = await self._prepared(principal, wanted, context, encoder)
                digests = tuple(one.digest for one in prepared)
                charge = Charge(principal, context, wanted.dimensions, digests, encoder.revision)
                async with self._accounts.units(charge) as ticket:
                    encoded = await self._encoded(principal, wanted, encoder, prepared)
            event.outcome = "replayed" if ticket.hold is None else "answered"
        return _result(wanted, encoder, encoded, tightest((rate, ticket.allowance)))

    async def ready(self) -> bool:
        """Whether a real inference has passed."""
        return await self._compute.ready()

    def rejection(self) -> Overloaded | None:
        """The error for one more request if it would wait too long, else None."""
        return self._compute.line.rejection()

    def close(self) -> None:
        """Finish running work and end the threads."""
        self._compute.close()

    def _encoder_for(self, wanted: EmbedRequest) -> Encoder:
        if not wanted.inputs or not all(wanted.inputs):
            raise BadParameter("There is nothing to embed")
        encoder = self._encoders.for_dimensions(wanted.dimensions)
        if encoder is None:
            raise BadParameter
        if not encoder.embeds_text and any(isinstance(one, TextInput) for one in wanted.parts):
            raise images_only(encoder.name)
        return encoder

    async def _prepared(
        self,
        principal: Principal,
        wanted: EmbedRequest,
        context: RequestContext,
        encoder: Encoder,
    ) -> list[_Prepared]:
        async def prepare(part: Part) -> _Prepared:
            if isinstance(part, TextInput):
                return _Prepared(part.text, _digest(part.text.encode(), context))
            async with self._sources.opened(part.source, principal.consumer) as data:
                pixels = await self._compute.decode(encoder, data, principal.consumer)
                return _Prepared(pixels, _digest(data, context))

        return await _gathered(prepare(part) for part in wanted.parts)

    async def _encoded(
        self,
        principal: Principal,
        wanted: EmbedRequest,
        encoder: Encoder,
        prepared: Sequence[_Prepared],
    ) -> list[Embedding]:
        encode_text, encode_image = self._compute.encode_text, self._compute.encode_image
        consumer, dimensions = principal.consumer, wanted.dimensions
        with stage("encode"):
            return await _gathered(
                encode_text(encoder, one.content, dimensions, consumer)
                if isinstance(one.content, str)
                else encode_image(encoder, one.content, dimensions, consumer)
                for one in prepared
            )


def _digest(content: bytes, context: RequestContext) -> bytes:
    """SHA-256, only where an `Idempotency-Key` needs it: large images take milliseconds."""
    return b"" if context.idempotency_key is None else hashlib.sha256(content).digest()


def _usage_event(
    principal: Principal, wanted: EmbedRequest, context: RequestContext, encoder: Encoder
) -> UsageEvent:
    return UsageEvent(
        principal.consumer,
        context.dialect,
        wanted.dimensions,
        encoder.revision,
        len(wanted.parts),
    )


def _result(
    wanted: EmbedRequest,
    encoder: Encoder,
    encoded: Sequence[Embedding],
    allowance: Allowance | None,
) -> EmbedResult:
    """One embedding for each input: that of its only part, or the sum of its parts at norm 1."""
    remaining = iter(encoded)
    embeddings = tuple(_sum([next(remaining) for _ in one]) for one in wanted.inputs)
    return EmbedResult(embeddings, encoder.name, encoder.revision, wanted.dimensions, allowance)


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
    return Embedding(vector, sum(part.tokens for part in parts))

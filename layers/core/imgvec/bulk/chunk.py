"""From some rows of a plan to their vectors and errors: the part that every host runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from imgvec.bulk.plan import Item, Place
from imgvec.embedding.written import is_url
from imgvec.encoder import Encoder, Image, Read, reason
from imgvec.errors import RequestError
from imgvec.types import Vectors


@dataclass(frozen=True, slots=True)
class Failure:
    """An image without a vector, and the sentence that says why."""

    item: Item
    reason: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Vectors of the images that have one, in the order of the plan, and the others."""

    items: list[Item]
    digests: list[str]
    """SHA-256 of each image's file, in hex."""
    vectors: Vectors
    """`float32 [n, dimensions]`, each row with L2 norm 1."""
    failures: list[Failure]


def embed_chunk(encoder: Encoder, items: Sequence[Item], folder: Path) -> Chunk:
    """Embed images on all cores; one that is bad becomes a failure and stops nothing.

    Relative paths begin at `folder`.
    """
    kept: list[Item] = []
    digests: list[str] = []
    failures: list[Failure] = []
    vectors = np.empty((len(items), encoder.dimensions), np.float32)
    made = encoder.each_embedded(_images(items, folder))
    for item, one in zip(items, made, strict=True):
        if isinstance(one, RequestError | OSError):
            failures.append(Failure(item, reason(one)))
            continue
        vectors[len(kept)] = one.vector
        kept.append(item)
        digests.append(one.sha256)
    return Chunk(kept, digests, vectors[: len(kept)], failures)


def _images(items: Sequence[Item], folder: Path) -> Iterator[Image | Read]:
    for item in items:
        if item.place is not None:
            yield partial(_member, item.place, folder)
        else:
            yield item.path if is_url(item.path) else folder / item.path


def _member(place: Place, folder: Path) -> bytes:
    with (folder / place.tar).open("rb") as tar:
        tar.seek(place.offset)
        return tar.read(place.size)

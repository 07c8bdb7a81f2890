"""Experiments with an encoder, one a function; each gives lines to print."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgvec.encoders import Encoder
from imgvec.images.decode import ImageLimits, decode
from imgvec.types import Pixels
from imgvec_models.quality.photos import (
    CHANGES,
    NEAR_DUPLICATES,
    Photo,
    disturbed,
    enlarged,
    plain_decode,
    read_photos,
)
from imgvec_models.quality.ranking import (
    Indices,
    Matrix,
    Similarities,
    class_vectors,
    different_pairs,
    image_to_text,
    nearest_neighbours,
    paired,
    ranks,
    recall,
    text_to_image,
    threshold,
    zero_shot,
)

LIMITS = ImageLimits(max_bytes=100_000_000, max_pixels=50_000_000, max_frames=1)

LARGE = 12_000_000
"""Pixels of a camera's photo."""
TIMED = 50
FALSE_DUPLICATES = 1e-4
FALSE_GROUPS = 1e-3
"""Shares of the pairs of different photos that may pass for duplicates, and for one group."""
FALSE_MATCHES = 1e-2
"""Share of the captions that may pass for those of another photo."""
QUANTILES = {"0.1 %": 0.001, "1 %": 0.01, "50 %": 0.5, "99 %": 0.99, "99.9 %": 0.999, "max": 1.0}
PROMPTS = ("a photo of a {}", "a picture of a {}", "{}")
"""Sentences that name a class; its vector is their mean direction."""


@dataclass(frozen=True, slots=True)
class Bench:
    """An encoder in one of its spaces."""

    encoder: Encoder
    dimensions: int

    def decoded(self, files: Iterable[bytes]) -> list[Pixels]:
        """Decode files as the service does."""
        size, geometry = self.encoder.image_size, self.encoder.geometry
        return [decode(data, size, LIMITS, geometry) for data in files]

    def plain(self, files: Iterable[bytes]) -> list[Pixels]:
        """Decode files as the training did."""
        size, geometry = self.encoder.image_size, self.encoder.geometry
        return [plain_decode(data, size, geometry) for data in files]

    def images(self, squares: Iterable[Pixels]) -> Matrix:
        """Embed decoded images."""
        return np.stack([self.encoder.encode_image(one, self.dimensions) for one in squares])

    def texts(self, texts: Iterable[str]) -> Matrix:
        """Embed texts."""
        return np.stack([self.encoder.encode_text(text, self.dimensions)[0] for text in texts])


def speed(bench: Bench, photos: Sequence[Photo]) -> str:
    """Milliseconds an image, median; decoding is not counted, and the first is left out."""
    pixels = bench.decoded(photo.data for photo in photos[: TIMED + 1])
    taken = []
    for one in pixels:
        start = time.perf_counter()
        bench.encoder.encode_image(one, bench.dimensions)
        taken.append(1000 * (time.perf_counter() - start))
    return f"encoding: {np.median(taken[1:] or taken):.1f} ms an image, one thread"


def decoding(bench: Bench, photos: Sequence[Photo], large: int) -> Iterator[str]:
    """Whether the service's decoding keeps the vector that plain decoding gives.

    The yardstick says what the encoder makes of a change that nobody sees: a graph of 8-bit
    integers rounds at every layer, so its vector moves with any change at all.
    """
    files = [photo.data for photo in photos]
    plain = bench.plain(files)
    vectors = bench.images(plain)
    yield _cosine("decoding", paired(bench.images(bench.decoded(files)), vectors))
    yield _cosine("yardstick", paired(bench.images(map(disturbed, plain)), vectors))
    if larger := [enlarged(data, LARGE) for data in files[:large]]:
        decoded, plain = bench.decoded(larger), bench.plain(larger)
        yield _cosine("decoding, enlarged", paired(bench.images(decoded), bench.images(plain)))


def _cosine(name: str, cosine: Similarities) -> str:
    return (
        f"{name}: cosine to plain decoding of {len(cosine)} photos "
        f"min {cosine.min():.5f}, median {np.median(cosine):.5f}"
    )


def duplicates(bench: Bench, photos: Sequence[Photo], gallery: Matrix) -> Iterator[str]:
    """Whether a changed photo finds its original first, and from which similarity on."""
    originals = np.arange(len(photos))
    near = []
    for name, change in {**NEAR_DUPLICATES, **CHANGES}.items():
        changed = bench.images(bench.decoded(change(photo.data) for photo in photos))
        cosine, first = paired(changed, gallery), recall(ranks(changed, gallery, originals), at=1)
        kind = "near-duplicates" if name in NEAR_DUPLICATES else "changed"
        yield (
            f"{kind}, {name}: rank 1 for {first:.1%} of {len(photos)}, "
            f"cosine median {np.median(cosine):.3f}, min {cosine.min():.3f}"
        )
        if name in NEAR_DUPLICATES:
            near.append(cosine)
    yield from _similarities(different_pairs(gallery), np.concatenate(near))


def _similarities(different: Similarities, near: Similarities) -> Iterator[str]:
    for name, values in {"near-duplicates": near, "different photos": different}.items():
        yield f"similarity of {len(values)} pairs of {name}: {_spread(values)}"
    for name, false in {"duplicate": FALSE_DUPLICATES, "group": FALSE_GROUPS}.items():
        found = threshold(different, near, false)
        yield (
            f"{name} threshold {found.similarity:.2f}: reached by {found.recall:.2%} of the "
            f"near-duplicates and {found.false:.4%} of the pairs of different photos"
        )


def retrieval(
    bench: Bench, photos: Sequence[Photo], captions: Mapping[str, Sequence[str]], gallery: Matrix
) -> Iterator[str]:
    """Whether a caption finds its photo, and a photo one of its captions; how similar they are."""
    pairs = [(index, text) for index, one in enumerate(photos) for text in captions[one.name]]
    texts = bench.texts(text for _, text in pairs)
    photo = np.array([index for index, _ in pairs])
    counts = f"{len(pairs)} captions, {len(photos)} photos"
    yield f"text to image, {counts}: R@1/5/10 {text_to_image(gallery, texts, photo)}"
    yield f"image to text, {counts}: R@1/5/10 {image_to_text(gallery, texts, photo)}"
    yield from _matches(texts @ gallery.T, photo)


def _matches(similarity: Matrix, photo: Indices) -> Iterator[str]:
    """The range of similarities of a caption and its photo, which differs by encoder."""
    own = photo[:, np.newaxis] == np.arange(similarity.shape[1])
    matching, others = similarity[own], similarity[~own]
    for name, values in {"their photos": matching, "other photos": others}.items():
        yield f"similarity of captions to {name}: {_spread(values)}"
    if len(others):
        found = threshold(others, matching, FALSE_MATCHES)
        yield (
            f"match threshold {found.similarity:.2f}: reached by {found.recall:.2%} of captions "
            f"with their photos and {found.false:.4%} with others"
        )


def _spread(values: Similarities) -> str:
    if not len(values):
        return "none"
    spread = ", ".join(f"{key} {np.quantile(values, q):.3f}" for key, q in QUANTILES.items())
    return f"min {values.min():.3f}, {spread}"


def classes(bench: Bench, folder: Path) -> tuple[str, float]:
    """Zero-shot and 10-NN accuracy on a folder of folders, each called after its class.

    Also gives the zero-shot accuracy as a number, 0 to 1.
    """
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    labelled = [
        (number, one) for number, name in enumerate(names) for one in read_photos(folder / name)
    ]
    label = np.array([number for number, _ in labelled])
    images = bench.images(bench.decoded(photo.data for _, photo in labelled))
    words = [name.replace("_", " ").replace("-", " ") for name in names]
    prompts = np.stack([bench.texts(prompt.format(word) for word in words) for prompt in PROMPTS])
    shot = zero_shot(images, class_vectors(prompts), label)
    near = nearest_neighbours(images, label)
    return (
        f"{len(names)} classes, {len(label)} photos: zero-shot {shot:.1%}, 10-NN {near:.1%}",
        shot,
    )

"""Whether an encoder of 8-bit integers is as good as the float32 that it was built of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from imgvec.encoders import Encoder
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError
from imgvec_models.build.tower import LEAST_COSINE
from imgvec_models.hub.recipe import Recipe
from imgvec_models.quality.exact import ExactEncoder
from imgvec_models.quality.experiments import Bench, classes
from imgvec_models.quality.photos import Photo, read_photos
from imgvec_models.quality.ranking import Matrix, overlap, paired

MOST_LOST = 0.01
"""Largest loss of zero-shot accuracy, as a share of the photos."""


@dataclass(frozen=True, slots=True)
class Given:
    """Photos of a person's own to judge on."""

    photos: Path | None = None
    """A folder of photos, with their captions in `captions.json` if there are any."""
    labelled: Path | None = None
    """A folder of folders of photos, each called after its class."""


NOTHING: Final = Given()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A line to print, and whether it fails the encoder."""

    line: str
    fails: bool = False


def judge(recipe: Recipe, towers: Path, built: Path, given: Given) -> None:
    """Judge the encoder in the folder `built` on photos given, in each of its spaces.

    Raises:
        ModelError: it loses too much; the sentence says how much, and where.
    """
    if given == NOTHING:
        return
    encoder, exact = OnnxEncoder(built), ExactEncoder(recipe, towers)
    for dimensions in sorted(encoder.dimensions):
        bench = Bench(encoder, dimensions)
        verdicts = []
        if given.photos is not None:
            photos = read_photos(given.photos)
            gallery = bench.images(bench.decoded(photo.data for photo in photos))
            verdicts.append(against_exact(bench, exact, photos, gallery))
        if given.labelled is not None and encoder.embeds_text:
            verdicts.extend(against_exact_classes(bench, exact, given.labelled))
        for verdict in verdicts:
            if verdict.fails:
                raise ModelError(
                    f"{recipe.name} loses too much at {dimensions}: {verdict.line}. "
                    f"The limits are a cosine of {LEAST_COSINE} and one point of zero-shot"
                )


def against_exact(
    bench: Bench, exact: Encoder, photos: Sequence[Photo], gallery: Matrix
) -> Verdict:
    """Cosines and top-10 overlap of `gallery`, the photos' vectors, to those of `exact`."""
    precise = Bench(exact, bench.dimensions)
    reference = precise.images(precise.decoded(photo.data for photo in photos))
    cosine = paired(gallery, reference)
    line = (
        f"int8 against float32, {len(photos)} photos: cosine min {cosine.min():.4f}, "
        f"median {np.median(cosine):.4f}, top-10 overlap {overlap(gallery, reference):.1%}"
    )
    return Verdict(line, fails=bool(cosine.min() < LEAST_COSINE))


def against_exact_classes(bench: Bench, exact: Encoder, folder: Path) -> list[Verdict]:
    """Accuracy of both on labelled photos."""
    line, shot = classes(bench, folder)
    precise, most = classes(Bench(exact, bench.dimensions), folder)
    return [Verdict(f"float32, {precise}"), Verdict(f"int8, {line}", shot < most - MOST_LOST)]

"""Everything that is measured of one encoder on the data at hand."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from imgvec.encoders import Encoder
from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError
from imgvec_models.calibration.feeds import PHOTOS
from imgvec_models.hub.files import present, pulled_folder
from imgvec_models.hub.recipe import find_recipe, recipe_paths
from imgvec_models.quality.exact import ExactEncoder
from imgvec_models.quality.experiments import Bench, classes, decoding, duplicates, retrieval, speed
from imgvec_models.quality.judge import Given, Verdict, against_exact, against_exact_classes
from imgvec_models.quality.photos import Photo, read_photos

CAPTIONS = "captions.json"
"""In a folder of photos: an object of a list of captions for each file name."""


def report(folder: Path, models: Path, given: Given, large: int) -> Iterator[Verdict]:
    """Measure the encoder in `folder`, space by space.

    Without photos of one's own, those of the calibration are used. It is compared with float32
    where the files that it was built of are still in `models`. `large` photos are enlarged.

    Raises:
        ModelError: the encoder, the photos or the captions are not as they should be.
    """
    encoder = OnnxEncoder(folder)
    photos = read_photos(given.photos or PHOTOS)
    captions = _captions(given.photos, photos)
    yield Verdict(f"{encoder.name}, revision {encoder.revision[:12]}: {len(photos)} photos")
    widest = Bench(encoder, max(encoder.dimensions))
    yield Verdict(f"files: {_sizes(folder)}")
    yield Verdict(speed(widest, photos))
    yield from map(Verdict, decoding(widest, photos, large))
    exact = _exact(encoder.name, models)
    for dimensions in sorted(encoder.dimensions):
        yield Verdict(f"\n{dimensions} dimensions")
        bench = Bench(encoder, dimensions)
        gallery = bench.images(bench.decoded(photo.data for photo in photos))
        yield from map(Verdict, duplicates(bench, photos, gallery))
        if captions is not None and encoder.embeds_text:
            yield from map(Verdict, retrieval(bench, photos, captions, gallery))
        if exact is not None:
            yield against_exact(bench, exact, photos, gallery)
        if given.labelled is not None and encoder.embeds_text:
            yield from _labelled(bench, exact, given.labelled)


def _labelled(bench: Bench, exact: Encoder | None, folder: Path) -> Sequence[Verdict]:
    if exact is not None:
        return against_exact_classes(bench, exact, folder)
    return [Verdict(classes(bench, folder)[0])]


def _sizes(folder: Path) -> str:
    files = read_manifest(folder).files
    named = {"image": files.image.whole}
    if files.text is not None:
        named["text"] = files.text.whole
    if files.tokenizer is not None:
        named["tokenizer"] = files.tokenizer.size
    return ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in named.items())


def _captions(folder: Path | None, photos: Sequence[Photo]) -> dict[str, list[str]] | None:
    path = None if folder is None else folder / CAPTIONS
    if path is None or not path.is_file():
        return None
    try:
        captions: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
        missing = [photo.name for photo in photos if not captions.get(photo.name)]
    except (ValueError, AttributeError):
        raise ModelError(f"{path} is no JSON object of lists of captions") from None
    if missing:
        raise ModelError(f"{path} has no captions of {missing[0]!a}")
    return captions


def _exact(name: str, models: Path) -> Encoder | None:
    """The float32 encoder, None where its files are not at hand."""
    if name not in recipe_paths(models):
        return None
    recipe, pulled = find_recipe(models, name), pulled_folder(models, name)
    files = [file for role in recipe.files for file in recipe.local_files(role).items()]
    if any(present(pulled / path, file) is None for path, file in files):
        return None
    return ExactEncoder(recipe, pulled)

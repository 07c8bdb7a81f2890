"""Building an encoder: graphs, a tokenizer, a manifest, and a record of how it was made."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
import onnx
import onnxruntime

from imgvec.encoders.integrity import MANIFEST
from imgvec.encoders.manifest import File, Files, GraphFile, Manifest, Source, Space
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError
from imgvec_models.build.pulled import output_widths, pulled_tower
from imgvec_models.build.tower import Built, Wanted, build_tower, weights_of
from imgvec_models.calibration.feeds import PHOTOS, image_feeds, text_feeds
from imgvec_models.calibration.scales import measure_scales
from imgvec_models.graphs.compose import SEED, output_name
from imgvec_models.graphs.run import Feed
from imgvec_models.hub.files import measure
from imgvec_models.hub.recipe import Recipe
from imgvec_models.progress import Say, unsaid
from imgvec_models.quantisation.scheme import AUTO, HALF, NAMES, SCHEMES

IMAGE, TEXT, TOKENIZER = "image.onnx", "text.onnx", "tokenizer.json"
RECORD = "build.json"
FLOAT16: Final = HALF
"""The scheme for a GPU."""
UNKNOWN: Final = "unknown"
Tower: TypeAlias = Literal["image", "text"]


def build_encoder(
    source: Path,
    recipe: Recipe,
    out: Path,
    scheme: str = AUTO,
    photos: Path = PHOTOS,
    say: Say = unsaid,
) -> Manifest:
    """Build the encoder of `recipe` in the folder `out`, which is called after it.

    `source` holds the towers and the tokenizer as pulled or exported, and verified by who calls.
    The manifest comes when the graphs are whole, so a build that was cut serves nothing. `say` is
    told how far it is.

    Raises:
        ModelError: a tower is rejected or unknown, has other dimensions than the recipe says, or
            loses too much as int8 on `photos`; one sentence.
    """
    if scheme not in NAMES:
        raise ModelError(f"There is no scheme {scheme!a}; there are: {', '.join(NAMES)}")
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    towers = {
        wanted.tower: build_tower(
            pulled_tower(recipe, source, wanted.tower),
            out / f"{wanted.tower}.onnx",
            wanted,
            feeds,
            say,
        )
        for wanted, feeds in _wanted(recipe, source, scheme, photos)
    }
    _require_dimensions(recipe, towers)
    if recipe.text:
        shutil.copyfile(source / recipe.local_path("tokenizer"), out / TOKENIZER)
    (out / RECORD).write_text(json.dumps(_record(scheme, towers), indent=2) + "\n")
    manifest = _manifest(recipe, source, out)
    _write(manifest, out)
    manifest = _with_scales(manifest, out, photos)
    _write(manifest, out)
    return manifest


def _wanted(
    recipe: Recipe, source: Path, scheme: str, photos: Path
) -> Iterator[tuple[Wanted, list[Feed]]]:
    """Each tower that the recipe has, with its calibration inputs."""
    widths, embeddings, text = output_widths(recipe), recipe.embeddings, recipe.text
    inputs: tuple[str, ...] = (recipe.image.input,)
    feeds = image_feeds(recipe.preprocessing, recipe.image, photos)
    yield Wanted("image", embeddings.image, inputs, widths, scheme), feeds
    if text is not None and embeddings.text is not None:
        inputs = tuple(filter(None, (text.ids, text.mask)))
        feeds = text_feeds(source / recipe.local_path("tokenizer"), text)
        yield Wanted("text", embeddings.text, inputs, widths, scheme), feeds


def _write(manifest: Manifest, out: Path) -> None:
    text = manifest.model_dump_json(indent=2, exclude_none=True) + "\n"
    # In one step: a manifest that is half written serves nothing.
    part = out / f"{MANIFEST}.part"
    part.write_text(text)
    part.replace(out / MANIFEST)


def _with_scales(manifest: Manifest, out: Path, photos: Path) -> Manifest:
    """The manifest with the factors to 8-bit integers, measured with the encoder as built."""
    scales = measure_scales(OnnxEncoder(out), photos)
    spaces = tuple(
        space.model_copy(update={"scale": scales[space.dimensions]}) for space in manifest.spaces
    )
    return manifest.model_copy(update={"spaces": spaces})


def _require_dimensions(recipe: Recipe, towers: Mapping[Tower, Built]) -> None:
    native = recipe.native
    found = [one.native.joint_width for one in towers.values()]
    expected = [native.joint for _ in towers]
    if native.pooled is not None:
        found.insert(0, towers["image"].native.pooled_width or 0)
        expected.insert(0, native.pooled)
    if found != expected:
        raise ModelError(
            f"the towers of {recipe.name} give {_listed(found)} values, and the recipe says "
            f"{_listed(expected)}: correct one"
        )


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last


def _record(scheme: str, towers: Mapping[Tower, Built]) -> Mapping[str, object]:
    """Facts that a person needs to make the same build, and to trust this one."""
    return {
        "scheme": scheme,
        "projection_seed": SEED,
        "made_with": {
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "numpy": np.__version__,
        },
        "towers": {
            name: {
                "scheme": _scheme(tower.scheme),
                "too_far_from_float32": tower.rejected,
                "same_bits_on_every_x86": tower.differs is None,
                "because": tower.differs,
                "quantised_here": tower.quantised,
                "pairs": str(tower.pairs),
                "violations": tower.pairs.violations,
                "cosine_to_source": {key: asdict(value) for key, value in tower.cosines.items()},
            }
            for name, tower in towers.items()
        },
    }


def _scheme(name: str) -> Mapping[str, str]:
    return {"name": name, **(asdict(SCHEMES[name]) if name in SCHEMES else {})}


def _manifest(recipe: Recipe, source: Path, out: Path) -> Manifest:
    joint = recipe.native.joint if recipe.nested else 0
    return Manifest(
        format=1,
        name=recipe.name,
        title=recipe.title,
        licence=recipe.licence,
        sources=_sources(recipe, source),
        files=Files(
            image=_graph(out, IMAGE),
            text=_graph(out, TEXT) if recipe.text else None,
            tokenizer=_file(TOKENIZER, out / TOKENIZER) if recipe.text else None,
        ),
        preprocessing=recipe.preprocessing,
        image=recipe.image,
        text=recipe.text,
        outputs={output_name(width): width for width in output_widths(recipe)},
        nested=recipe.nested,
        spaces=tuple(
            Space(dimensions=width, output=output_name(max(width, joint)))
            for width in recipe.spaces
        ),
    )


def _graph(out: Path, path: str) -> GraphFile:
    weights = weights_of(out / path)
    return GraphFile(**_file(path, out / path).model_dump(), weights=_file(weights.name, weights))


def _sources(recipe: Recipe, source: Path) -> tuple[Source, ...]:
    """Where each file came from; of one that is not pinned the revision may be unknown."""
    return tuple(
        Source(
            repository=pulled.repository,
            revision=pulled.revision or UNKNOWN,
            licence=pulled.licence,
            files=tuple(
                _file(file.path, source / place) for place, file in recipe.local_files(role).items()
            ),
        )
        for role, pulled in recipe.files.items()
    )


def _file(path: str, local: Path) -> File:
    """A file as it is, under the path that a manifest gives it."""
    found = measure(local)
    return File(path=path, size=found.size, sha256=found.sha256)

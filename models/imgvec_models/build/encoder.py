"""Building an encoder: two graphs, a tokenizer, a manifest, and a record of how it was made."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from imgvec.encoders.integrity import MANIFEST
from imgvec.encoders.manifest import File, Files, GraphFile, Manifest, Source, Space
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError
from imgvec_models.build.tower import Built, build_tower, weights_of
from imgvec_models.calibration.feeds import PHOTOS, image_feeds, text_feeds
from imgvec_models.calibration.scales import measure_scales
from imgvec_models.graphs.compose import SEED, output_name
from imgvec_models.hub.files import measure
from imgvec_models.hub.recipe import Recipe
from imgvec_models.progress import Say, unsaid
from imgvec_models.quantisation.scheme import DEFAULT, SCHEMES, Scheme

IMAGE, TEXT, TOKENIZER = "image.onnx", "text.onnx", "tokenizer.json"
RECORD = "build.json"
FLOAT16 = "float16"
"""In the place of a scheme's name: not quantised, and of half precision."""


def build_encoder(
    source: Path,
    recipe: Recipe,
    out: Path,
    scheme: str = DEFAULT,
    photos: Path = PHOTOS,
    say: Say = unsaid,
) -> Manifest:
    """Build the encoder of `recipe` in the folder `out`, which is called after it.

    `source` holds `image.onnx`, `text.onnx` and `tokenizer.json`, as pulled or exported, and
    verified by who calls. The manifest comes when the graphs are whole, so a build that was cut
    serves nothing. `say` is told how far it is.

    Raises:
        ModelError: a tower is refused or unknown, has other widths than the recipe says, or loses
            too much as int8 on `photos`; one sentence.
    """
    chosen = _find_scheme(scheme)
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    shutil.copyfile(source / TOKENIZER, out / TOKENIZER)
    image = build_tower(
        source / IMAGE,
        out / IMAGE,
        "image",
        recipe.embeddings.image,
        [recipe.image.input],
        recipe.spaces,
        image_feeds(recipe.preprocessing, recipe.image, photos),
        chosen,
        say,
    )
    text = build_tower(
        source / TEXT,
        out / TEXT,
        "text",
        recipe.embeddings.text,
        [*filter(None, (recipe.text.ids, recipe.text.mask))],
        recipe.spaces,
        text_feeds(source / TOKENIZER, recipe.text),
        chosen,
        say,
    )
    _require_widths(recipe, image, text)
    (out / RECORD).write_text(json.dumps(_record(scheme, chosen, image, text), indent=2) + "\n")
    manifest = _manifest(recipe, source, out)
    _write(manifest, out)
    manifest = _with_scales(manifest, out, photos)
    _write(manifest, out)
    return manifest


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


def _require_widths(recipe: Recipe, image: Built, text: Built) -> None:
    native = recipe.native
    found = image.native.pooled_width, image.native.joint_width, text.native.joint_width
    if found != (native.pooled, native.joint, native.joint):
        raise ModelError(
            f"the towers of {recipe.name} give {found[0]}, {found[1]} and {found[2]} values, and "
            f"the recipe says {native.pooled}, {native.joint} and {native.joint}: correct one"
        )


def _find_scheme(name: str) -> Scheme | None:
    if name == FLOAT16:
        return None
    if name not in SCHEMES:
        raise ModelError(f"There is no scheme {name!a}; there are: {', '.join(SCHEMES)}, {FLOAT16}")
    return SCHEMES[name]


def _record(name: str, scheme: Scheme | None, image: Built, text: Built) -> Mapping[str, object]:
    """Facts that a person needs to make the same build, and to trust this one."""
    return {
        "scheme": {"name": name, **({} if scheme is None else asdict(scheme))},
        "projection_seed": SEED,
        "made_with": {
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "numpy": np.__version__,
        },
        "towers": {
            name: {
                "quantised_here": tower.quantised,
                "pairs": str(tower.pairs),
                "violations": tower.pairs.violations,
                "cosine_to_source": {key: asdict(value) for key, value in tower.cosines.items()},
            }
            for name, tower in (("image", image), ("text", text))
        },
    }


def _manifest(recipe: Recipe, source: Path, out: Path) -> Manifest:
    def graph(path: str) -> GraphFile:
        weights = weights_of(out / path)
        return GraphFile(
            **_file(path, out / path).model_dump(), weights=_file(weights.name, weights)
        )

    return Manifest(
        format=1,
        name=recipe.name,
        title=recipe.title,
        licence=recipe.licence,
        sources=tuple(
            Source(
                repository=pulled.repository,
                revision=pulled.revision,
                licence=pulled.licence,
                files=(_file(pulled.path, source / recipe.local_path(role)),),
            )
            for role, pulled in recipe.files.items()
        ),
        files=Files(
            image=graph(IMAGE), text=graph(TEXT), tokenizer=_file(TOKENIZER, out / TOKENIZER)
        ),
        preprocessing=recipe.preprocessing,
        image=recipe.image,
        text=recipe.text,
        outputs={output_name(width): width for width in recipe.spaces},
        nested=False,
        spaces=tuple(Space(dimensions=width, output=output_name(width)) for width in recipe.spaces),
    )


def _file(path: str, local: Path) -> File:
    """A file as it is, under the path that a manifest gives it."""
    found = measure(local)
    return File(path=path, size=found.size, sha256=found.sha256)

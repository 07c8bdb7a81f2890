"""Material of the benchmarks: photos of four sizes and three formats, and a CLIP of the true shape.

The CLIP's weights are random: speed does not depend on them. It is made once, in some minutes,
and kept in `.cache/bench`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer, models, pre_tokenizers, processors

from imgvec.images.decode import ImageLimits
from imgvec_benchmarks.photos import photo
from imgvec_benchmarks.shapes import write_towers
from imgvec_benchmarks.shapes.sizes import B32, Clip
from imgvec_models.build.encoder import TOKENIZER, build_encoder
from imgvec_models.hub.recipe import Native, Recipe, find_recipe
from imgvec_models.quantisation.scheme import DEFAULT

CACHE: Final = Path(".cache").resolve()
CLIP: Final = "clip-vit-b32"
STARTER: Final = "starter"
PREPROCESSOR: Final = "preprocessor.json"  # in the folder of the source, as pulled
LIMITS: Final = ImageLimits(max_bytes=200_000_000, max_pixels=50_000_000, max_frames=1)
FORMATS: Final = ("JPEG", "PNG", "WebP")
SIZES: Final = {"0.3": (640, 480), "2": (1632, 1224), "12": (4000, 3000), "48": (8000, 6000)}
"""Width and height, by megapixels."""
PEERS: Final = {"fastembed": "peers", "infinity": "infinity", "transformers": "peers"}
"""Environments in `.cache`, by the peer."""


@dataclass(frozen=True, slots=True)
class Material:
    """Files that were made, and packages beside them."""

    clip: Clip
    source: Path
    """Towers as pulled, fp32: `image.onnx`, `text.onnx`."""
    models: Path
    """A models folder, with CLIP as it is served."""
    photos: Mapping[tuple[str, str], Path]
    """By megapixels and format."""
    peers: Mapping[str, Path]
    """Python of the environment of each of the others, by name."""

    def jpeg(self, megapixels: str) -> bytes:
        return self.photos[megapixels, "JPEG"].read_bytes()


def prepare(
    cache: Path = CACHE,
    clip: Clip = B32,
    scheme: str = DEFAULT,
    sizes: Mapping[str, tuple[int, int]] = SIZES,
) -> Material:
    """Make what is not there yet; other sizes than the true ones are for seeing that all runs."""
    source, built = cache / "bench" / "source", cache / "bench" / "models"
    write_towers(clip, source)
    if not (built / CLIP / "manifest.json").exists():
        print("Building a CLIP of random weights (some minutes, once)", flush=True)
        _tokenizer(clip.vocabulary).save(str(source / TOKENIZER))
        recipe = _recipe(clip)
        (source / PREPROCESSOR).write_text(_preprocessor_config(recipe))
        build_encoder(source, recipe, built / CLIP, scheme)
    photos = _photos(cache / "bench" / "photos", sizes)
    peers = {name: cache / environment / "bin" / "python" for name, environment in PEERS.items()}
    return Material(clip, source, built, photos, peers)


def _recipe(clip: Clip) -> Recipe:
    """The shipped recipe, for towers of another size."""
    shipped = find_recipe(Path("absent"), CLIP)
    assert shipped.text is not None
    return shipped.model_copy(
        update={
            "preprocessing": shipped.preprocessing.model_copy(update={"size": clip.image_size}),
            "image": shipped.image.model_copy(update={"tokens": 1 + clip.patches}),
            "text": shipped.text.model_copy(update={"max_tokens": clip.positions}),
            "native": Native(pooled=clip.image.width, joint=clip.joint),
        }
    )


def _preprocessor_config(recipe: Recipe) -> str:
    """Fields of the hub's file that the peers read."""
    size = recipe.preprocessing.size
    return json.dumps(
        {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": size},
            "crop_size": {"height": size, "width": size},
            "image_mean": recipe.preprocessing.image_mean,
            "image_std": recipe.preprocessing.image_std,
            "rescale_factor": recipe.preprocessing.rescale_factor,
            "resample": 3,
            **dict.fromkeys(
                ("do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"),
                True,
            ),
        }
    )


def _tokenizer(vocabulary: int) -> Tokenizer:
    """One token for each letter; the end mark has the highest id, as in CLIP's vocabulary."""
    marks = [("<s>", vocabulary - 2), ("<e>", vocabulary - 1)]
    letters = {chr(ord("a") + place): place for place in range(26)}
    known = models.WordLevel({**letters, "?": 26, **dict(marks)}, unk_token="?")
    tokenizer = Tokenizer(known)
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A <e>", special_tokens=marks)
    return tokenizer


def _photos(folder: Path, sizes: Mapping[str, tuple[int, int]]) -> dict[tuple[str, str], Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for megapixels, size in sizes.items():
        for format in FORMATS:
            path = paths[megapixels, format] = folder / f"{megapixels}.{format.lower()}"
            if not path.exists():
                path.write_bytes(photo(*size, format))
    return paths

"""What is measured with: photos of four sizes and three formats, and a CLIP of the true shape.

The CLIP's weights are random: speed does not depend on them. It is made once, in some minutes,
and kept in `.cache/bench`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from imgvec.images.limits import ImageLimits
from imgvec_models.build.encoder import TOKENIZER, build_encoder
from imgvec_models.quantisation.scheme import DEFAULT
from tests.support.images.pictures import encoded, photo_jpeg
from tests.support.models.hub_preprocessor import preprocessor_config
from tests.support.models.shapes import write_towers
from tests.support.models.shapes.sizes import B32, Clip
from tests.support.models.thin_clip import letters_tokenizer, shaped_recipe

CACHE: Final = Path(".cache").resolve()
CLIP: Final = "clip-vit-b32"
STARTER: Final = "starter"
PREPROCESSOR: Final = "preprocessor.json"
"""In the folder of the source, as pulled."""
LIMITS: Final = ImageLimits(max_bytes=200_000_000, max_pixels=50_000_000, max_frames=1)
FORMATS: Final = ("JPEG", "PNG", "WebP")
SIZES: Final = {"0.3": (640, 480), "2": (1632, 1224), "12": (4000, 3000), "48": (8000, 6000)}
"""Width and height, by megapixels."""


@dataclass(frozen=True, slots=True)
class Material:
    """What was made, and what was installed beside it."""

    clip: Clip
    """The sizes of the CLIP's towers."""
    source: Path
    """Towers as pulled, fp32: `image.onnx`, `text.onnx`."""
    models: Path
    """A models folder, with CLIP as it is served."""
    photos: Mapping[tuple[str, str], Path]
    """By megapixels and format."""
    peers: Path
    """A folder with an environment for each of the others."""
    shipped: Path
    """An environment with the packages of the image."""


def prepare(
    cache: Path = CACHE,
    clip: Clip = B32,
    scheme: str = DEFAULT,
    sizes: Mapping[str, tuple[int, int]] = SIZES,
) -> Material:
    """Make what is not there yet; other sizes than the true ones are for seeing that all runs."""
    source, models = cache / "bench" / "source", cache / "bench" / "models"
    write_towers(clip, source)
    if not (models / CLIP / "manifest.json").exists():
        print("Building a CLIP of random weights (some minutes, once)", flush=True)
        recipe = shaped_recipe(CLIP, clip)
        letters_tokenizer(clip.vocabulary).save(str(source / TOKENIZER))
        (source / PREPROCESSOR).write_bytes(preprocessor_config(recipe.preprocessing))
        build_encoder(source, recipe, models / CLIP, scheme)
    photos = _photos(cache / "bench" / "photos", sizes)
    return Material(clip, source, models, photos, cache / "peers", cache / "shipped")


def _photos(folder: Path, sizes: Mapping[str, tuple[int, int]]) -> dict[tuple[str, str], Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for megapixels, (width, height) in sizes.items():
        jpeg = folder / f"{megapixels}.jpeg"
        if not jpeg.exists():
            jpeg.write_bytes(photo_jpeg(width, height, 90))
        for format in FORMATS:
            path = folder / f"{megapixels}.{format.lower()}"
            if not path.exists():
                path.write_bytes(encoded(Image.open(jpeg), format))
            paths[megapixels, format] = path
    return paths

"""What is measured with: photos of four sizes and three formats, and a CLIP of the true shape.

The CLIP's weights are random: speed does not depend on them. It is made once, in some minutes,
and kept in `.cache/bench`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from hub_preprocessor import preprocessor_config
from imgvec.images.limits import ImageLimits
from imgvec_models.build.encoder import TOKENIZER, build_encoder
from imgvec_models.hub.recipe import find_recipe
from imgvec_models.shapes.__main__ import write_towers
from imgvec_models.shapes.sizes import B32
from pictures import encoded, photo_jpeg
from thin_clip import letters_tokenizer

CACHE: Final = Path(".cache/bench").resolve()
CLIP: Final = "clip-vit-b32"
PREPROCESSOR: Final = "preprocessor.json"
"""In the folder of the source, as pulled."""
STARTER: Final = "starter"
SIZES: Final = {"0.3": (640, 480), "2": (1632, 1224), "12": (4000, 3000), "48": (8000, 6000)}
"""Width and height, by megapixels."""
LIMITS: Final = ImageLimits(max_bytes=200_000_000, max_pixels=50_000_000, max_frames=1)
FORMATS: Final = ("JPEG", "PNG", "WebP")


@dataclass(frozen=True, slots=True)
class Material:
    """Paths of what was made."""

    source: Path
    """Towers as pulled, fp32: `image.onnx`, `text.onnx`."""
    models: Path
    """A models folder, with CLIP as it is served."""
    photos: dict[tuple[str, str], Path]
    """By megapixels and format."""


def prepare() -> Material:
    """Make what is not there yet."""
    source, models = CACHE / "source", CACHE / "models"
    write_towers("b32", source)
    if not (models / CLIP / "manifest.json").exists():
        print("Building a CLIP B/32 of random weights (some minutes, once)", flush=True)
        recipe = find_recipe(models, CLIP)
        letters_tokenizer(B32.vocabulary).save(str(source / TOKENIZER))
        (source / PREPROCESSOR).write_bytes(preprocessor_config(recipe.preprocessing))
        build_encoder(source, recipe, models / CLIP)
    return Material(source, models, _photos(CACHE / "photos"))


def _photos(folder: Path) -> dict[tuple[str, str], Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for megapixels, (width, height) in SIZES.items():
        jpeg = folder / f"{megapixels}.jpeg"
        if not jpeg.exists():
            jpeg.write_bytes(photo_jpeg(width, height, 90))
        for format in FORMATS:
            path = folder / f"{megapixels}.{format.lower()}"
            if not path.exists():
                path.write_bytes(encoded(Image.open(jpeg), format))
            paths[megapixels, format] = path
    return paths

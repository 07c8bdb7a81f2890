"""CLIPs of the true widths of B/32 and L/14 with one narrow block each, as a hub has them.

Rounding a layer to integers takes time by the cube of its inputs: no perceptron is four times as
wide, no patch has 32 x 32 pixels.

Those that CLIP_SHAPES names, with commas between, are of the true shape: all blocks, pictures of
224 pixels and the whole vocabulary. docs/explanation/quantisation.md says what building them takes.

This builds one of half precision:

    PYTHONPATH=. python tests/support/models/thin_clip.py clip-vit-b32 FOLDER
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tokenizers import Tokenizer, models, pre_tokenizers, processors

from imgvec_benchmarks.shapes.sizes import B32, L14, Clip, Transformer
from imgvec_benchmarks.shapes.text import text_tower
from imgvec_benchmarks.shapes.vision import image_tower
from imgvec_models.build.encoder import FLOAT16, build_encoder
from imgvec_models.hub.recipe import Native, Recipe, Role, find_recipe
from tests.support.models.hub_preprocessor import preprocessor_config
from tests.support.models.open_clip_form import in_open_clip_form

THIN = {
    "clip-vit-b32": replace(
        B32,
        image=Transformer(width=768, layers=1, heads=12, expansion=1),
        text=Transformer(width=512, layers=1, heads=8, expansion=1),
        image_size=32,
        patch=16,
        vocabulary=300,
        positions=16,
    ),
    "clip-vit-l14": replace(
        L14,
        image=Transformer(width=1024, layers=1, heads=16, expansion=1),
        text=Transformer(width=768, layers=1, heads=12, expansion=1),
        image_size=42,
        vocabulary=300,
        positions=16,
    ),
}
END = "<e>"
"""The token that ends a text, and pads it."""
TRUE = {"clip-vit-b32": B32, "clip-vit-l14": L14}
SHAPES = THIN | {
    name: TRUE[name] for name in filter(None, os.environ.get("CLIP_SHAPES", "").split(","))
}


def shaped_recipe(name: str, clip: Clip) -> Recipe:
    """The shipped recipe for a CLIP of another size: neither sizes nor digests are known."""
    shipped = find_recipe(Path("absent"), name)
    assert shipped.text is not None
    return shipped.model_copy(
        update={
            "files": {
                role: file.model_copy(update={"size": None, "sha256": None})
                for role, file in shipped.files.items()
            },
            "preprocessing": shipped.preprocessing.model_copy(update={"size": clip.image_size}),
            "image": shipped.image.model_copy(update={"tokens": 1 + clip.patches}),
            "text": shipped.text.model_copy(
                update={
                    "max_tokens": clip.positions,
                    "pad_token": shipped.text.pad_token and END,
                }
            ),
            "native": Native(pooled=clip.image.width, joint=clip.joint),
        }
    )


def shaped_files(recipe: Recipe, clip: Clip) -> dict[Role, bytes]:
    """The hub's files for a recipe: towers of random weights, in its form, and a tokenizer."""
    image, text = image_tower(clip), text_tower(clip)
    if recipe.embeddings.image == "embedding":
        image, text = in_open_clip_form(image), in_open_clip_form(text)
    files: dict[Role, bytes] = {
        "image": image.SerializeToString(),
        "text": text.SerializeToString(),
        "tokenizer": letters_tokenizer(clip.vocabulary).to_str().encode(),
    }
    if "preprocessor" in recipe.files:
        files["preprocessor"] = preprocessor_config(recipe.preprocessing)
    return files


def build_thin(name: str, models: Path) -> None:
    """Build a thin CLIP in the folder `models`, of half precision: integers take minutes."""
    clip, recipe = THIN[name], shaped_recipe(name, THIN[name])
    with TemporaryDirectory() as folder:
        for role, data in shaped_files(recipe, clip).items():
            Path(folder, recipe.local_path(role)).write_bytes(data)
        build_encoder(Path(folder), recipe, models / name, scheme=FLOAT16)


def letters_tokenizer(vocabulary: int) -> Tokenizer:
    """One token for each letter; the end mark has the highest id, as in CLIP's vocabulary."""
    start, end = vocabulary - 2, vocabulary - 1
    letters = {chr(ord("a") + place): place for place in range(26)}
    tokenizer = Tokenizer(
        models.WordLevel(letters | {"?": 26, "<s>": start, END: end}, unk_token="?")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        f"<s> $A {END}", special_tokens=[("<s>", start), (END, end)]
    )
    return tokenizer


if __name__ == "__main__":
    build_thin(sys.argv[1], Path(sys.argv[2]))

"""The float32 towers that an encoder is built of, as an encoder to compare it with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from onnxruntime import InferenceSession

from imgvec.encoders import TextLimit
from imgvec.encoders.onnx import normaliser, unit_prefix
from imgvec.types import Pixels, Vector
from imgvec_models.calibration.feeds import text_reader
from imgvec_models.graphs.compose import compose, output_name
from imgvec_models.graphs.load import load
from imgvec_models.graphs.native import find_native
from imgvec_models.graphs.run import session
from imgvec_models.hub.recipe import Recipe


class ExactEncoder:
    """An `Encoder` of the towers as pulled, composed and not quantised."""

    revision = "float32"
    embeds_text = True

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        """Open the towers in `folder`.

        Raises:
            ModelError: a tower is refused.
        """
        self.name = recipe.name
        self.image_size = recipe.preprocessing.size
        self.geometry = recipe.preprocessing.geometry
        self.image_tokens = recipe.image.tokens
        self.dimensions = frozenset(recipe.spaces)
        self.preferred = recipe.spaces[0]
        self.composed = self.dimensions - {recipe.native.joint}
        self.scales: Mapping[int, float] = {}
        self.text_limit = TextLimit(recipe.text.max_tokens, recipe.text.max_characters)
        self._recipe = recipe
        self._normalise = normaliser(recipe.preprocessing)
        self._read = text_reader(folder / recipe.local_path("tokenizer"), recipe.text)
        self._image = _open(folder, recipe, "image")
        self._text = _open(folder, recipe, "text")
        self._inputs = {tensor.name for tensor in self._text.get_inputs()}

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        """Embed `uint8 [image_size, image_size, 3]` to `float32 [dimensions]`, L2 norm 1."""
        feed = {self._recipe.image.input: self._normalise(pixels)}
        (rows,) = self._image.run([output_name(dimensions)], feed)
        return unit_prefix(rows[0], dimensions)

    def encode_text(self, text: str, dimensions: int) -> tuple[Vector, int]:
        """Embed a text into the same space; also give the number of tokens read."""
        feed = self._read(text[: self._recipe.text.max_characters])
        taken = {name: feed[name] for name in self._inputs}
        (rows,) = self._text.run([output_name(dimensions)], taken)
        return unit_prefix(rows[0], dimensions), feed[self._recipe.text.ids].size


def _open(folder: Path, recipe: Recipe, tower: Literal["image", "text"]) -> InferenceSession:
    model = load(folder, f"{tower}.onnx")
    embedding = recipe.embeddings.image if tower == "image" else recipe.embeddings.text
    return session(compose(model, find_native(model, embedding), recipe.spaces, tower))

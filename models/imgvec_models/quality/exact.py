"""The float32 towers that an encoder is built of, as an encoder to compare it with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from onnxruntime import InferenceSession

from imgvec.encoders import TextLimit, images_only
from imgvec.encoders.manifest import TextInput
from imgvec.encoders.onnx import normaliser, unit_prefix
from imgvec.types import Pixels, Vector
from imgvec_models.build.pulled import output_widths, pulled_tower
from imgvec_models.calibration.feeds import text_reader
from imgvec_models.graphs.compose import compose, output_name
from imgvec_models.graphs.native import find_native
from imgvec_models.graphs.run import session
from imgvec_models.hub.recipe import Recipe


class ExactEncoder:
    """An `Encoder` of the towers as pulled, composed and not quantised."""

    revision = "float32"

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        """Open the towers in `folder`.

        Raises:
            ModelError: a tower is rejected.
        """
        self.name = recipe.name
        self.image_size = recipe.preprocessing.size
        self.geometry = recipe.preprocessing.geometry
        self.image_tokens = recipe.image.tokens
        self.dimensions = frozenset(recipe.spaces)
        self.preferred = recipe.spaces[0]
        self.composed = frozenset(one for one in recipe.spaces if one > recipe.native.joint)
        self.scales: Mapping[int, float] = {}
        text = recipe.text
        self.embeds_text = text is not None
        self.text_limit = TextLimit(text.max_tokens, text.max_characters) if text else TextLimit()
        self._input = recipe.image.input
        self._joint = recipe.native.joint
        self._normalise = normaliser(recipe.preprocessing)
        self._image = _open(folder, recipe, "image", recipe.embeddings.image)
        self._texts = None if text is None else _Texts(folder, recipe, text)

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        """Embed `uint8 [image_size, image_size, 3]` to `float32 [dimensions]`, L2 norm 1."""
        feed = {self._input: self._normalise(pixels)}
        (rows,) = self._image.run([self._output(dimensions)], feed)
        return unit_prefix(rows[0], dimensions)

    def encode_text(self, text: str, dimensions: int) -> tuple[Vector, int]:
        """Embed a text into the same space; also give the number of tokens read.

        Raises:
            BadParameter: the encoder embeds images only.
        """
        if self._texts is None:
            raise images_only(self.name)
        row, tokens = self._texts.run(text, self._output(dimensions))
        return unit_prefix(row, dimensions), tokens

    def _output(self, dimensions: int) -> str:
        """The output that has a space, or of which it is a prefix."""
        return output_name(max(dimensions, self._joint))


class _Texts:
    """The text tower with its tokenizer."""

    def __init__(self, folder: Path, recipe: Recipe, text: TextInput) -> None:
        self._text = text
        self._read = text_reader(folder / recipe.local_path("tokenizer"), text)
        self._session = _open(folder, recipe, "text", recipe.embeddings.text or "")
        self._inputs = {tensor.name for tensor in self._session.get_inputs()}

    def run(self, text: str, output: str) -> tuple[Vector, int]:
        feed = self._read(text[: self._text.max_characters])
        taken = {name: feed[name] for name in self._inputs}
        (rows,) = self._session.run([output], taken)
        return rows[0], feed[self._text.ids].size


def _open(
    folder: Path, recipe: Recipe, tower: Literal["image", "text"], embedding: str
) -> InferenceSession:
    model = pulled_tower(recipe, folder, tower).load()
    return session(compose(model, find_native(model, embedding), output_widths(recipe), tower))

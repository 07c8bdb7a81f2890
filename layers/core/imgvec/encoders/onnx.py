"""The encoder that runs its graphs in this process, with ONNX Runtime."""

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgvec.encoders import WantedImage
from imgvec.encoders.graph import Graph, TextTower
from imgvec.encoders.integrity import read_manifest, verify_file
from imgvec.encoders.manifest import ManifestEncoder, Preprocessing
from imgvec.errors import InternalFault
from imgvec.settings import Provider
from imgvec.types import Pixels, Vector

SMALLEST_NORM = 1e-6
"""A shorter output has no direction; those of real inputs have norms from about 0.1 to 100."""

Normaliser: TypeAlias = Callable[[Pixels], NDArray[np.float32]]

logger = logging.getLogger(__name__)


def normaliser(preprocessing: Preprocessing) -> Normaliser:
    """A function from `uint8 [size, size, 3]` to `float32 [1, 3, size, size]`.

    (x * rescale_factor - mean) / std is taken as x * scale + shift in place, with both computed
    in float64; that is exact in float32 where std / rescale_factor is a power of two.
    """
    mean = np.array(preprocessing.image_mean)
    std = np.array(preprocessing.image_std)
    scale = (preprocessing.rescale_factor / std).astype(np.float32).reshape(3, 1, 1)
    shift = (-mean / std).astype(np.float32).reshape(3, 1, 1)

    def normalise(pixels: Pixels) -> NDArray[np.float32]:
        planes = np.multiply(pixels.transpose(2, 0, 1), scale, dtype=np.float32, order="C")
        planes += shift
        return planes[np.newaxis]

    return normalise


def unit_prefix(output: NDArray[np.float32], dimensions: int) -> Vector:
    """The first `dimensions` values of an output, scaled to L2 norm 1 within 1e-5.

    The norm is summed in float64, so that its float32 value does not depend on the CPU's order
    of summation; the division is float32.

    Raises:
        InternalFault: the values are not finite, or all nearly zero; no vector is better than one
            that would poison an index.
    """
    prefix = output[:dimensions]
    norm = math.sqrt(float(np.square(prefix, dtype=np.float64).sum()))
    if not SMALLEST_NORM < norm < math.inf:
        logger.error("the encoder's output has no direction: its norm is %s", norm)
        raise InternalFault
    return prefix / np.float32(norm)


class OnnxEncoder(ManifestEncoder):
    """An `Encoder` of one or two ONNX graphs; each call embeds one image or one text.

    The image graph is loaded at once, the text tower with the first text, because many callers
    send none and it is most of the memory. Its files are verified at the start all the same, so
    that an altered one stops the start and not a request.
    """

    def __init__(self, folder: Path, threads: int = 1, provider: Provider = "cpu") -> None:
        """Verify the encoder in `folder` and load it; each inference uses `threads` threads.

        Raises:
            ModelError: the manifest or a file is missing, broken or altered; the sentence names
                the file and the fix.
        """
        manifest = read_manifest(folder)
        for later in manifest.files.of_text:
            verify_file(folder, later)
        super().__init__(manifest)
        self._folder = folder
        self._threads = threads
        self._provider = provider
        self._outputs = {space.dimensions: space.output for space in manifest.spaces}
        self._normalise = normaliser(manifest.preprocessing)
        self._image = Graph(folder, manifest.files.image, threads, provider)
        self._image.require((manifest.image.input,), manifest.outputs)
        self._text: TextTower | None = None
        self._text_lock = Lock()

    def encode_image(self, pixels: Pixels, dimensions: int) -> Vector:
        """Embed `uint8 [image_size, image_size, 3]` to `float32 [dimensions]`, L2 norm 1.

        Raises:
            BadParameter: there is no space of these dimensions.
            InternalFault: the graph gave no finite vector.
        """
        output = self._output(dimensions)
        row = self._image.run({self._manifest.image.input: self._normalise(pixels)}, output)
        return unit_prefix(row, dimensions)

    def encode_images(self, wanted: Sequence[WantedImage]) -> list[Vector | InternalFault]:
        """Embed several images in one inference, each to its own dimensions.

        An image whose output is no vector has the error in its place, and the others theirs.

        Raises:
            BadParameter: there is no space of some dimensions.
        """
        outputs = [self._output(dimensions) for _, dimensions in wanted]
        planes = np.concatenate([self._normalise(pixels) for pixels, _ in wanted])
        inputs = {self._manifest.image.input: planes}
        rows = self._image.run_batch(inputs, sorted(set(outputs)))
        return [
            _vector_or_fault(rows[output][place], dimensions)
            for place, (output, (_, dimensions)) in enumerate(zip(outputs, wanted, strict=True))
        ]

    def encode_text(self, text: str, dimensions: int) -> tuple[Vector, int]:
        """Embed a text into the same space; also give the number of tokens read.

        Raises:
            BadParameter: there is no space of these dimensions, the encoder embeds images only,
                or the text is not valid Unicode.
            InternalFault: the graph gave no finite vector.
            ModelError: with the first text only: a file was altered since the start.
        """
        output = self._output(dimensions)
        row, tokens = self._text_tower().run(text, output)
        return unit_prefix(row, dimensions), tokens

    def _output(self, dimensions: int) -> str:
        self._require(dimensions)
        return self._outputs[dimensions]

    def _text_tower(self) -> TextTower:
        with self._text_lock:
            if self._text is None:
                self._text = TextTower(self._manifest, self._folder, self._threads, self._provider)
            return self._text


def _vector_or_fault(row: NDArray[np.float32], dimensions: int) -> Vector | InternalFault:
    try:
        return unit_prefix(row, dimensions)
    except InternalFault as fault:
        return fault

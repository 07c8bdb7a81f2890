"""The text side of an encoder: a tokenizer and the graph behind it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgvec.encoders.graph import Graph
from imgvec.encoders.manifest import Manifest
from imgvec.encoders.verify import read_verified
from imgvec.errors import BadParameter, ModelError
from imgvec.settings import Provider


class TextTower:
    """A loaded text tower. Calls are thread-safe; texts are neither batched nor padded."""

    def __init__(
        self, manifest: Manifest, folder: Path, threads: int, provider: Provider = "cpu"
    ) -> None:
        """Verify and load the tokenizer and the graph.

        Raises:
            ModelError: a file is missing, altered, or of no use; the sentence names it.
        """
        # Imported here, so that only a process that embeds texts pays for it.
        from tokenizers import Tokenizer

        file = manifest.files.tokenizer
        try:
            self._tokenizer = Tokenizer.from_buffer(read_verified(folder, file))
        except ValueError:
            raise ModelError(
                f"{folder / file.path} cannot be read by tokenizers: install a newer tokenizers"
            ) from None
        self._text = manifest.text
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self._text.max_tokens)
        self._graph = Graph(folder, manifest.files.text, threads, provider)
        self._graph.require((self._text.ids, self._text.mask), manifest.outputs)

    def run(self, text: str, output: str) -> tuple[NDArray[np.float32], int]:
        """The row `float32 [width]` of one graph output, and the number of tokens read.

        Tokens count the marks of beginning and end. An empty text is those marks alone, and as
        good a text as any other. Longer texts are cut at `max_characters`, then at `max_tokens`.

        Raises:
            BadParameter: the text is not valid Unicode.
        """
        start = text[: self._text.max_characters]
        try:
            tokens = self._tokenizer.encode(start)
        except TypeError:  # what it makes of a lone surrogate
            raise BadParameter("The text is not valid Unicode") from None
        ids = np.array([tokens.ids], dtype=np.int64)
        inputs = {self._text.ids: ids, self._text.mask: np.ones_like(ids)}
        return self._graph.run(inputs, output), ids.size

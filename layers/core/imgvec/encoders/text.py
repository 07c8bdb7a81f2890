"""The text side of an encoder: a tokenizer and the graph behind it."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgvec.encoders.graph import Graph
from imgvec.encoders.integrity import MANIFEST, read_verified
from imgvec.encoders.manifest import Manifest, TextInput
from imgvec.encoders.parts import File
from imgvec.encoders.protocol import images_only
from imgvec.errors import BadParameter, ModelError
from imgvec.settings import Provider

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TextTower:
    """A loaded text tower. Calls are thread-safe; texts are not batched."""

    def __init__(
        self, manifest: Manifest, folder: Path, threads: int, provider: Provider = "cpu"
    ) -> None:
        """Verify and load the tokenizer and the graph.

        Raises:
            BadParameter: the encoder embeds images only.
            ModelError: a file is missing, altered, or of no use; the sentence names it.
        """
        text, file, tokenizer = manifest.text, manifest.files.text, manifest.files.tokenizer
        if text is None or file is None or tokenizer is None:
            raise images_only(manifest.name)
        self._text = text
        self._tokenizer = _load_tokenizer(folder, tokenizer, text)
        self._graph = Graph(folder, file, threads, provider)
        self._graph.require(filter(None, (text.ids, text.mask)), manifest.outputs)
        self._integers = self._graph.integers(text.ids)

    def run(self, text: str, output: str) -> tuple[NDArray[np.float32], int]:
        """The row `float32 [dimensions]` of one graph output, and the number of tokens read.

        Tokens count the marks of beginning and end, and no padding. An empty text is those marks
        alone, and as good a text as any other. Longer texts are cut at `max_characters`, then at
        `max_tokens`.

        Raises:
            BadParameter: the text is not valid Unicode.
        """
        start = text[: self._text.max_characters]
        try:
            tokens = self._tokenizer.encode(start)
        except TypeError:  # raised for a lone surrogate
            raise BadParameter("The text is not valid Unicode") from None
        inputs = {self._text.ids: np.array([tokens.ids], dtype=self._integers)}
        if self._text.mask is not None:
            inputs[self._text.mask] = np.array([tokens.attention_mask], dtype=self._integers)
        return self._graph.run(inputs, output), sum(tokens.attention_mask)


def _load_tokenizer(folder: Path, file: File, text: TextInput) -> "Tokenizer":
    # Imported here, so that only a process that embeds texts pays for it.
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(read_verified(folder, file))
    except ValueError:
        raise ModelError(
            f"{folder / file.path} cannot be read by tokenizers: install a newer tokenizers"
        ) from None
    tokenizer.enable_truncation(text.max_tokens)
    if text.pad_token is None:
        tokenizer.no_padding()
        return tokenizer
    pad_id = tokenizer.token_to_id(text.pad_token)
    if pad_id is None:
        raise ModelError(
            f"{folder / file.path} has no token {text.pad_token!r}: correct pad_token in {MANIFEST}"
        )
    tokenizer.enable_padding(pad_id=pad_id, pad_token=text.pad_token, length=text.max_tokens)
    return tokenizer

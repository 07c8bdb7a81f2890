"""An ONNX graph, opened as it was verified, and the text tower around one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgvec.encoders import images_only
from imgvec.encoders.cleaning import cleaned
from imgvec.encoders.integrity import MANIFEST, read_verified, verified_graph, verify_weights
from imgvec.encoders.manifest import File, GraphFile, Manifest, TextInput
from imgvec.errors import BadParameter, ModelError
from imgvec.settings import Provider

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PROVIDERS: Final[Mapping[Provider, Sequence[str]]] = {
    "cpu": ["CPUExecutionProvider"],
    "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    "tensorrt": ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
}
"""ONNX Runtime's names: the one that is asked for, and what takes the nodes that it does not."""
WEIGHTS_FOLDER: Final = "session.model_external_initializers_file_folder_path"
"""Where a graph that is opened from bytes finds its weights."""

Inputs: TypeAlias = Mapping[str, NDArray[np.float32] | NDArray[np.integer]]


class Graph:
    """A loaded graph. Runs are thread-safe, and one leaves nothing behind for the next."""

    def __init__(
        self, folder: Path, file: GraphFile, threads: int, provider: Provider = "cpu"
    ) -> None:
        """Verify and load the graph; each run uses `threads` threads of the CPU.

        Raises:
            ModelError: the file is missing, altered, or too new for this ONNX Runtime, or the
                provider is not to be had.
        """
        # Imported here, so that only a process that embeds pays for ONNX Runtime.
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as native

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3
        # Waiting threads that spin save a millisecond and take the cores of other inferences.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Runs take the same time without the arena, but malloc keeps more after many threads.
        options.enable_cpu_mem_arena = True
        if file.weights is not None:
            options.add_session_config_entry(WEIGHTS_FOLDER, str(_place(folder, file.weights)))
        self._path = folder / file.path
        wanted = PROVIDERS[provider][0]
        if wanted not in onnxruntime.get_available_providers():
            raise _not_to_be_had(provider)
        if provider != "cpu":
            # CUDA and cuDNN of NVIDIA's packages, where no system has its own.
            onnxruntime.preload_dlls()
        try:
            self._session = onnxruntime.InferenceSession(
                verified_graph(folder, file), options, providers=PROVIDERS[provider]
            )
        except (
            native.Fail,
            native.InvalidArgument,
            native.InvalidGraph,
            native.InvalidProtobuf,
            native.NotImplemented,
        ):
            raise ModelError(
                f"{self._path} cannot be run by onnxruntime {onnxruntime.__version__}: "
                "install a newer onnxruntime"
            ) from None
        verify_weights(folder, file)
        # Where a driver does not load, it has fallen back to the CPU.
        if self._session.get_providers()[0] != wanted:
            raise _not_to_be_had(provider)
        # It keeps the file's bytes to open the session anew, which nothing here asks for.
        self._session._model_bytes = None

    def require(self, inputs: Iterable[str], outputs: Mapping[str, int]) -> None:
        """Compare the graph's inputs, and its outputs' widths, with those of the manifest.

        Raises:
            ModelError: they differ; the sentence names both files.
        """
        actual = {tensor.name: tensor.shape[-1] for tensor in self._session.get_outputs()}
        if {tensor.name for tensor in self._session.get_inputs()} != set(inputs) or any(
            actual.get(name) != width for name, width in outputs.items()
        ):
            raise ModelError(
                f"{self._path} has other inputs or outputs than {MANIFEST} says: correct {MANIFEST}"
            )

    def integers(self, name: str) -> type[np.integer]:
        """The integer type of an input: exports differ in that of token ids."""
        types = {tensor.name: tensor.type for tensor in self._session.get_inputs()}
        return np.int32 if types[name] == "tensor(int32)" else np.int64

    def run(self, inputs: Inputs, output: str) -> NDArray[np.float32]:
        """Run one input, a batch of one; gives the row `float32 [width]` of `output`."""
        row: NDArray[np.float32] = self.run_batch(inputs, [output])[output][0]
        return row

    def run_batch(self, inputs: Inputs, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Run `n` inputs at once; gives `float32 [n, width]` for each of `outputs`.

        Some exports take a batch of one and no other: these run one by one.
        """
        count = len(next(iter(inputs.values())))
        if count > 1 and self._session.get_inputs()[0].shape[0] == 1:
            alone = [
                self.run_batch({name: rows[[place]] for name, rows in inputs.items()}, outputs)
                for place in range(count)
            ]
            return {name: np.concatenate([rows[name] for rows in alone]) for name in outputs}
        return dict(zip(outputs, self._session.run(outputs, dict(inputs)), strict=True))


def _place(folder: Path, weights: File) -> Path:
    """The folder of the weights themselves: ONNX Runtime follows no link to a file.

    Raises:
        ModelError: they have another name there, and the graph has only this one.
    """
    path = folder / weights.path
    real = path.resolve()
    if real.name != path.name:
        raise ModelError(f"{path} is a link to a file of another name: put the file itself there")
    return real.parent


def _not_to_be_had(provider: Provider) -> ModelError:
    return ModelError(
        f"IMGVEC_PROVIDER={provider} is not to be had here: "
        "it takes onnxruntime-gpu, NVIDIA's driver and libraries"
    )


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
        alone, and as good a text as any other. Longer texts are cut at `max_characters`, which
        bounds the time, then cleaned, then cut at `max_tokens`.

        Raises:
            BadParameter: the text is not valid Unicode.
        """
        start = cleaned(text[: self._text.max_characters], self._text.clean)
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

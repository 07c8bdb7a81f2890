"""One ONNX graph, opened as it was verified."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgvec.encoders.integrity import MANIFEST, verified_graph, verify_weights
from imgvec.encoders.parts import File, GraphFile
from imgvec.errors import ModelError
from imgvec.settings import Provider

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
        """Run `n` inputs at once; gives `float32 [n, width]` for each of `outputs`."""
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

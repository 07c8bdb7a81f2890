"""imgvec: image embeddings behind your own URL, in the APIs of the vendors that you call."""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgvec.encoder import Encoder

__all__ = ["Encoder", "__version__"]
__version__ = "0.1.0"

# Official builds of ONNX Runtime send telemetry, with an id of the machine, as soon as they are
# imported. Set here, before any module can import it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def __getattr__(name: str) -> object:
    """Import the encoder with its first use: NumPy and ONNX Runtime take half a second."""
    if name == "Encoder":
        return import_module("imgvec.encoder").Encoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

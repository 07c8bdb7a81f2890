"""imgvec: image embeddings behind your own URL, in the APIs of the vendors that you call."""

import os

__version__ = "0.1.0"

# Official builds of ONNX Runtime send telemetry, with an id of the machine, as soon as they are
# imported. Set here, before any module can import it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

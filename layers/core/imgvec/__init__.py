"""imgvec: image embeddings behind your own URL, in the dialects of four vendor APIs."""

import os

__version__ = "0.1.0"

# ONNX Runtime's own builds report to their maker, from the moment they are imported, and keep an id
# of the machine for it. Here, before anything could import it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

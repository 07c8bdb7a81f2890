"""imgvec: image embeddings behind your own URL, in the dialects of four vendor APIs."""

__version__ = "0.1.0"

"""Tools that make encoders: pulled, built, quantised, judged. Needed to build, never to serve."""

from imgvec import __version__

__all__ = ["__version__"]

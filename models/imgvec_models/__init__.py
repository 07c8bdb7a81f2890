"""Tools that make encoders: pulled, built, quantised, judged. Needed to build, never to serve."""

import os

from imgvec import __version__

# The hub's client reads these when it is first imported. Its second transport, Xet, neither resumes
# a transfer nor goes through a mirror.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")

__all__ = ["__version__"]

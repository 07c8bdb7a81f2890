"""What makes the start of a process cheaper, and changes nothing else.

A process that answers requests imports this before anything else, and calls `over` when it is made.
What it makes until then stays, so looking for garbage in it is in vain; and of the models that
FastAPI has for descriptions, hundreds, none is validated until somebody asks for `/openapi.json`.
NumPy's BLAS would start a thread for each core but one, which spin before they sleep; here nothing
multiplies matrices with it. And pydantic would read the metadata of every installed package, in
search of plugins of its own. Together a fifth of what a start computes.
"""

import gc
import os

from pydantic import BaseModel, ConfigDict

gc.disable()
# Read when NumPy is imported, so before it.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
# Read with each validator that is built. Whoever has such a plugin says so by setting it.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# Every model that is defined from now on inherits it: its validator is built when first used.
BaseModel.model_config = ConfigDict(defer_build=True)


def over() -> None:
    """Collect garbage from now on, but never look again at what the start has made."""
    gc.freeze()
    gc.enable()

"""Making a float32 graph fast without binding it to one CPU."""

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from imgvec.errors import ModelError
from imgvec_models.graphs.attention import fuse_attention
from imgvec_models.graphs.patches import unfold_patches
from imgvec_models.graphs.run import Feed, cosines, session

SAME = 0.99999
"""Least cosine of an output before and after fusion; the arithmetic differs in its order only."""


def fuse(model: onnx.ModelProto, probe: Feed) -> onnx.ModelProto:
    """Fuse norms and activations by ONNX Runtime's offline optimiser, and attention by ours.

    `probe` is one input; every output is compared before and after on it.

    Raises:
        ModelError: an output changed, or ONNX Runtime cannot run the graph.
    """
    names = [output.name for output in model.graph.output]
    with TemporaryDirectory() as folder:
        optimised = Path(folder, "optimised.onnx")
        before = session(model, optimise=False).run(names, dict(probe))
        session(unfold_patches(model), save_to=optimised)
        fused = fuse_attention(onnx.load(optimised), probe)
    after = session(fused).run(names, dict(probe))
    for name, one, other in zip(names, before, after, strict=True):
        if cosines(one, other).min() < SAME:
            raise ModelError(f"fusing attention changed {name}: this tower's export is not known")
    return fused

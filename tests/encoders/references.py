"""A family's export, and PyTorch's own vectors of given inputs.

    PYTHONPATH=layers/core:models:. .cache/peers/bin/python -m tests.encoders.references NAME FOLDER

exports the family to `FOLDER/open_clip/`; then reads `FOLDER/texts.json` and `FOLDER/pixels.npy`,
if they are there, and writes `FOLDER/vectors.npz`. The weights are random, of one seed.
"""

import json
import sys
from pathlib import Path

import numpy as np
import open_clip
import torch

from imgvec_models.export.open_clip import export, read_model
from tests.encoders.families import wanted


def main(name: str, folder: Path) -> None:
    """Export, or compute the vectors."""
    model = wanted(name, folder / "of")
    pixels = folder / "pixels.npy"
    if not pixels.is_file():
        print(export(model, folder, print))
        return
    module, tokenizer = read_model(model)
    texts = tokenizer(json.loads((folder / "texts.json").read_text()))
    with torch.no_grad():
        images = module.encode_image(torch.from_numpy(np.load(pixels)), normalize=True)
        found = module.encode_text(texts, normalize=True)
    np.savez(folder / "vectors.npz", images=images.numpy(), texts=found.numpy())
    print(open_clip.__version__)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

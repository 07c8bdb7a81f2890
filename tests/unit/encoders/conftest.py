"""The shipped encoder, copies of it to damage, and photos from scikit-image's wheel."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from PIL import Image

from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import shipped_folder
from imgvec.types import Pixels

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def starter() -> Path:
    """The folder of the encoder that ships."""
    return shipped_folder() / "starter"


@pytest.fixture(scope="session")
def encoder(starter: Path) -> OnnxEncoder:
    """The encoder that ships, with one thread."""
    return OnnxEncoder(starter)


@pytest.fixture
def copy(starter: Path, tmp_path: Path) -> Path:
    """A folder like the starter's; its files are links, to be unlinked and damaged."""
    folder = tmp_path / "starter"
    folder.mkdir()
    for file in starter.iterdir():
        (folder / file.name).symlink_to(file)
    return folder


@pytest.fixture
def rewrite(starter: Path) -> Callable[[Path, Change], None]:
    """Write the starter's manifest into a folder, with one thing changed."""

    def write(folder: Path, change: Change) -> None:
        content = json.loads((starter / "manifest.json").read_text())
        change(content)
        (folder / "manifest.json").unlink(missing_ok=True)
        (folder / "manifest.json").write_text(json.dumps(content))

    return write


def _middle(name: str) -> Pixels:
    """A photo's middle 260 x 260 pixels; cutting, unlike resizing, is the same in every Pillow."""
    with Image.open(Path(skimage.__file__).parent / "data" / name) as photo:
        left, top = (photo.width - 260) // 2, (photo.height - 260) // 2
        return np.asarray(photo.convert("RGB").crop((left, top, left + 260, top + 260)))


@pytest.fixture(scope="session")
def photos() -> dict[str, Pixels]:
    """Three photos by what is on them."""
    return {
        "cat": _middle("chelsea.png"),
        "coffee": _middle("coffee.png"),
        "rocket": _middle("rocket.jpg"),
    }


@pytest.fixture(scope="session")
def pictures(photos: dict[str, Pixels]) -> dict[str, Pixels]:
    """Four pictures that are the same bits everywhere: two from PNG, two by formula."""
    y, x = np.mgrid[0:260, 0:260]
    ramp = np.stack([x * 255 // 259, y * 255 // 259, (x + y) * 255 // 518], axis=-1)
    weave = np.stack([x * y % 256, (x * x + y) % 256, (x + y * y) % 256], axis=-1)
    return {
        "cat": photos["cat"],
        "coffee": photos["coffee"],
        "ramp": ramp.astype(np.uint8),
        "weave": weave.astype(np.uint8),
    }

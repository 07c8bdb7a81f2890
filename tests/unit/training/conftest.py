"""A small world with a rule to learn: a picture's features follow from its text's."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

IMAGE, TEXT, CLASSES = 48, 24, 12


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """For matrices this small, two threads wait for each other longer than they work."""
    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def features_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A features folder of 96 photos and a few of everything else, as float16."""
    folder = tmp_path_factory.mktemp("features")
    random = np.random.default_rng(0)
    rule = random.normal(size=(8, IMAGE)), random.normal(size=(8, TEXT))

    def pictures(count: int, sentences: int) -> dict[str, np.ndarray]:
        hidden = random.normal(size=(count, 8))
        noise = 0.2 * random.normal(size=(3, count, IMAGE))
        texts = (hidden @ rule[1])[:, np.newaxis] + random.normal(size=(count, sentences, TEXT))
        return {
            "features": np.clip(hidden @ rule[0] + 3 + noise[0], 0, 6).astype(np.float16),
            "features_augmented": np.clip(hidden @ rule[0] + 3 + noise[1], 0, 6).astype(np.float16),
            "captions": (texts / np.linalg.norm(texts, axis=2, keepdims=True)).astype(np.float16),
        }

    photos = pictures(96, 5)
    split, name = np.arange(96) % 3, np.array([f"{index}.jpg" for index in range(96)])
    np.savez(folder / "flickr8k.npz", allow_pickle=False, split=split, name=name, **photos)
    for collection in ("openclipart", "tuxpaint"):
        np.savez(folder / f"{collection}.npz", allow_pickle=False, **pictures(10, 1))
    classes = pictures(CLASSES, 7)
    prompts = classes["captions"].transpose(1, 0, 2)
    np.savez(
        folder / "imagenet_classes.npz",
        features=classes["features"],
        prompts=prompts[:6],
        definition=prompts[6],
        class_index=np.arange(CLASSES),
    )
    for collection in ("pacs", "caltech101_test"):
        np.savez(
            folder / f"{collection}.npz",
            features=np.repeat(classes["features"], 3, axis=0),
            label=np.repeat(np.arange(CLASSES), 3),
            prompts=prompts[:6],
        )
    return folder

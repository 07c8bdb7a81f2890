"""Cached features: heads in NumPy, and only what no training may see."""

from pathlib import Path

import numpy as np
import pytest

from imgvec.errors import ModelError
from imgvec_models.quality.features import Heads, from_features
from imgvec_models.quality.ranking import unit

WIDTH = 8


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    """Heads that pass on what they take: images in deviations from a mean, texts as they are."""
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {
        "mean": np.full(WIDTH, 2, np.float32),
        "std": np.full(WIDTH, 4, np.float32),
    }
    for side in ("img", "txt"):
        for layer, weight in (
            ("lin", np.eye(WIDTH)),
            ("a", np.eye(WIDTH)),
            ("b", np.zeros((WIDTH, WIDTH))),
        ):
            arrays[f"{side}.{layer}.weight"] = weight.astype(np.float32)
            arrays[f"{side}.{layer}.bias"] = np.zeros(WIDTH, np.float32)
    path = tmp_path / "heads.npz"
    np.savez(path, allow_pickle=False, **arrays)
    return path


def test_a_head_is_linear_plus_rectified(heads: Path) -> None:
    with np.load(heads) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["img.b.weight"] = np.eye(WIDTH, dtype=np.float32)
    arrays["img.a.bias"] = np.full(WIDTH, -1, np.float32)
    np.savez(heads, allow_pickle=False, **arrays)
    features = np.full((1, WIDTH), 2, np.float16)
    features[0, :3] = [14, -10, 4]
    found = Heads(heads).images(features)
    np.testing.assert_allclose(found[0], unit(np.array([3 + 2, -3, 0.5, 0, 0, 0, 0, 0])))


def axes(*rows: int) -> np.ndarray[tuple[int, int], np.dtype[np.float16]]:
    """Unit vectors along these axes."""
    return np.eye(WIDTH, dtype=np.float16)[list(rows)]


def write(folder: Path) -> None:
    """Four photos, of which the last two are the test part, and four labelled ones.

    One caption fits both test photos, so the second of them finds it no better than its own.
    """
    folder.mkdir()
    np.savez(
        folder / "captioned.npz",
        allow_pickle=False,
        features=2 + 4 * axes(0, 1, 2, 3),
        captions=np.stack([axes(7, 7), axes(7, 7), axes(2, 2), axes(3, 2)]),
        split=np.array([0, 1, 2, 2], np.int8),
    )
    labelled = {
        "features": 2 + 4 * axes(0, 1, 0, 1),
        "label": np.array([0, 1, 0, 0], np.int16),
        "prompts": np.stack([axes(0, 1), axes(0, 1)]),
    }
    np.savez(folder / "some_test.npz", allow_pickle=False, **labelled)
    np.savez(folder / "seen.npz", allow_pickle=False, **labelled)


def test_only_test_parts_are_measured(heads: Path, tmp_path: Path) -> None:
    write(tmp_path / "features")
    assert list(from_features(tmp_path / "features", Heads(heads), WIDTH)) == [
        "captioned, 2 photos: text to image R@1/5/10 75.0 / 100.0 / 100.0, "
        "image to text 50.0 / 100.0 / 100.0",
        "some_test, 4 photos: zero-shot 75.0%, 10-NN 75.0%",
    ]


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_what_are_no_heads_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "heads.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"heads\.npz is missing or no file of heads"):
        Heads(path)


def test_other_arrays_are_no_heads(tmp_path: Path) -> None:
    np.savez(tmp_path / "heads.npz", allow_pickle=False, mean=np.zeros(3))
    with pytest.raises(ModelError, match="no file of heads"):
        Heads(tmp_path / "heads.npz")


OFFSET = 0.25
SHARES = (0.7, 0.3)


@pytest.fixture
def laid_out(tmp_path: Path) -> Heads:
    """Heads of four blocks, each of a constant and parts of two and three values."""
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
        "mean": np.zeros(WIDTH, np.float32),
        "std": np.ones(WIDTH, np.float32),
        "widths": np.array([2, 3]),
        "shares": np.array(SHARES),
        "offset": np.array(OFFSET),
    }
    for side in ("img", "txt"):
        for layer, shape in (("lin", (24, WIDTH)), ("a", (5, WIDTH)), ("b", (24, 5))):
            arrays[f"{side}.{layer}.weight"] = random.normal(0, 1, shape).astype(np.float32)
            arrays[f"{side}.{layer}.bias"] = random.normal(0, 1, shape[0]).astype(np.float32)
    np.savez(tmp_path / "laid_out.npz", allow_pickle=False, **arrays)
    return Heads(tmp_path / "laid_out.npz")


@pytest.mark.parametrize("blocks", [2, 3, 4])
def test_every_prefix_of_a_layout_has_one_norm(laid_out: Heads, blocks: int) -> None:
    features = np.random.default_rng(1).random((9, WIDTH)).astype(np.float16)
    for vectors in (laid_out.images(features), laid_out.texts(features)):
        norms = np.linalg.norm(vectors[:, : 6 * blocks], axis=1)
        np.testing.assert_allclose(norms, (blocks / 4) ** 0.5, rtol=1e-6)


def test_the_constants_of_images_raise_their_similarities_only(laid_out: Heads) -> None:
    """With b the offset: cos'(x, y) = (cos(x, y) + b) / (1 + b); texts have none."""
    features = np.random.default_rng(1).random((9, WIDTH)).astype(np.float16)
    images, texts = laid_out.images(features), laid_out.texts(features)
    constants = images.reshape(-1, 4, 6)[..., 0]
    np.testing.assert_allclose(constants, (OFFSET / (1 + OFFSET) / 4) ** 0.5, rtol=1e-6)
    assert not texts.reshape(-1, 4, 6)[..., 0].any()
    bare = images.reshape(-1, 4, 6)[..., 1:].reshape(9, -1) * (1 + OFFSET) ** 0.5
    raised = (bare @ bare.T + OFFSET) / (1 + OFFSET)
    np.testing.assert_allclose(images @ images.T, raised, atol=1e-6)


def test_each_part_of_a_layout_has_its_share(laid_out: Heads) -> None:
    texts = laid_out.texts(np.random.default_rng(1).random((9, WIDTH)).astype(np.float16))
    parts = np.split(texts.reshape(-1, 4, 6), [1, 3], axis=2)[1:]
    for part, share in zip(parts, SHARES, strict=True):
        norms = np.linalg.norm(part, axis=2)
        np.testing.assert_allclose(norms, (share / 4) ** 0.5, rtol=1e-6)

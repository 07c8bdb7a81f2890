"""The shipped encoder: unit vectors, nested spaces, and the same bits whatever happens around."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from imgvec.encoders import Encoder, onnx
from imgvec.encoders.graph import TextTower
from imgvec.encoders.manifest import Manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import BadParameter, ModelError
from imgvec.settings import Provider
from imgvec.types import Pixels, Vector

SPACES = [512, 768, 1024]
TEXTS = {
    "sentence": "a photo of a cat",
    "empty": "",
    "blank": " \t\n",
    "emoji": "🐱🚀",
    "Chinese": "一只猫的照片",
    "accents": "un café crème brûlée",
    "nul": "a\0cat",
    "long": "a cat on a mat " * 40,
}


def norm(vector: Vector) -> float:
    return float(np.linalg.norm(vector.astype(np.float64)))


def test_it_is_an_encoder(encoder: OnnxEncoder) -> None:
    served: Encoder = encoder
    assert served.name == "starter"
    assert served.image_size == 260
    assert served.image_tokens == 81
    assert served.dimensions == {512, 768, 1024}
    assert len(served.revision) == 64


@pytest.mark.parametrize("dimensions", SPACES)
def test_images_become_unit_vectors(
    encoder: OnnxEncoder, pictures: dict[str, Pixels], dimensions: int
) -> None:
    for pixels in pictures.values():
        vector = encoder.encode_image(pixels, dimensions)
        assert vector.dtype == np.float32
        assert vector.shape == (dimensions,)
        assert abs(norm(vector) - 1) < 1e-5


@pytest.mark.parametrize("value", [0, 127, 255])
@pytest.mark.parametrize("dimensions", SPACES)
def test_an_even_picture_has_a_vector_too(
    encoder: OnnxEncoder, value: int, dimensions: int
) -> None:
    vector = encoder.encode_image(np.full((260, 260, 3), value, np.uint8), dimensions)
    assert abs(norm(vector) - 1) < 1e-5


@pytest.mark.parametrize("dimensions", SPACES)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_becomes_a_unit_vector(encoder: OnnxEncoder, text: str, dimensions: int) -> None:
    vector, tokens = encoder.encode_text(text, dimensions)
    assert vector.dtype == np.float32
    assert vector.shape == (dimensions,)
    assert abs(norm(vector) - 1) < 1e-5
    assert 2 <= tokens <= 64


@pytest.mark.parametrize("narrow", [512, 768])
def test_a_narrow_space_is_a_prefix_of_the_wide_one(
    encoder: OnnxEncoder, photos: dict[str, Pixels], narrow: int
) -> None:
    for wide, vector in [
        (encoder.encode_image(photos["cat"], 1024), encoder.encode_image(photos["cat"], narrow)),
        (encoder.encode_text("a cat", 1024)[0], encoder.encode_text("a cat", narrow)[0]),
    ]:
        prefix = wide[:narrow].astype(np.float64)
        assert np.allclose(vector, prefix / np.linalg.norm(prefix), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("dimensions", [0, -1, 1, 256, 1025])
def test_a_space_that_it_does_not_give_is_a_bad_parameter(
    encoder: OnnxEncoder, photos: dict[str, Pixels], dimensions: int
) -> None:
    with pytest.raises(BadParameter, match=f"starter gives no {dimensions} dimensions"):
        encoder.encode_image(photos["cat"], dimensions)
    with pytest.raises(BadParameter, match=f"starter gives no {dimensions} dimensions"):
        encoder.encode_text("a cat", dimensions)


def test_neither_order_nor_company_changes_a_bit(
    encoder: OnnxEncoder, pictures: dict[str, Pixels]
) -> None:
    alone = {name: encoder.encode_image(pixels, 1024) for name, pixels in pictures.items()}
    words = {name: encoder.encode_text(text, 1024)[0] for name, text in TEXTS.items()}
    for name in reversed(pictures):
        assert encoder.encode_image(pictures[name], 1024).tobytes() == alone[name].tobytes()
    for name in reversed(TEXTS):
        assert encoder.encode_text(TEXTS[name], 1024)[0].tobytes() == words[name].tobytes()


def test_sixteen_threads_give_the_same_bits(
    encoder: OnnxEncoder, pictures: dict[str, Pixels]
) -> None:
    wanted = list(product(pictures, TEXTS, SPACES)) * 2

    def both(one: tuple[str, str, int]) -> bytes:
        picture, text, dimensions = one
        vector = encoder.encode_image(pictures[picture], dimensions)
        return vector.tobytes() + encoder.encode_text(TEXTS[text], dimensions)[0].tobytes()

    alone = [both(one) for one in wanted]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(both, wanted)) == alone


def test_threads_inside_an_inference_do_not_change_a_bit(
    encoder: OnnxEncoder, starter: Path, pictures: dict[str, Pixels]
) -> None:
    two = OnnxEncoder(starter, threads=2)
    for pixels in pictures.values():
        assert (
            two.encode_image(pixels, 1024).tobytes() == encoder.encode_image(pixels, 1024).tobytes()
        )
    for text in TEXTS.values():
        assert (
            two.encode_text(text, 1024)[0].tobytes() == encoder.encode_text(text, 1024)[0].tobytes()
        )


def test_a_vector_may_be_changed_without_harm(
    encoder: OnnxEncoder, photos: dict[str, Pixels]
) -> None:
    first = encoder.encode_image(photos["cat"], 1024)
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(encoder.encode_image(photos["cat"], 1024), kept)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("", 2, id="the marks alone"),
        pytest.param(" \t\n", 2, id="blank is empty"),
        pytest.param("a photo of a cat", 7, id="a word each"),
        pytest.param("🐱", 3, id="one unknown"),
        pytest.param("x" * 101, 3, id="a word of over 100 characters is unknown"),
        pytest.param("cat " * 62, 64, id="just fits"),
        pytest.param("cat " * 63, 64, id="one too many"),
        pytest.param("cat " * 100_000, 64, id="far too many"),
    ],
)
def test_tokens_count_the_marks_and_stop_at_the_limit(
    encoder: OnnxEncoder, text: str, tokens: int
) -> None:
    assert encoder.encode_text(text, 512)[1] == tokens


def test_what_is_cut_off_does_not_matter(encoder: OnnxEncoder) -> None:
    start = " ".join(["cat", "dog"] * 31)
    read = encoder.encode_text(start, 1024)[0]
    assert np.array_equal(encoder.encode_text(f"{start} rocket", 1024)[0], read)
    assert not np.array_equal(encoder.encode_text(f"rocket {start}", 1024)[0], read)


def test_characters_beyond_the_limit_are_not_read(encoder: OnnxEncoder) -> None:
    """Splitting megabytes into tokens would take minutes, only to drop all but 64."""
    spaces = " " * 8191
    assert encoder.encode_text(f"{spaces}ab", 512)[1] == 3
    assert np.array_equal(
        encoder.encode_text(f"{spaces}ab", 512)[0], encoder.encode_text("a", 512)[0]
    )


def test_a_text_of_the_longest_words_is_read_whole(encoder: OnnxEncoder) -> None:
    """62 words between the marks, each as long as the tokenizer takes one for a word."""
    words = ["cat"] * 2 + ["x" * 101] * 59
    with_dog = encoder.encode_text(" ".join([*words, "dog"]), 512)
    without = encoder.encode_text(" ".join([*words, "cat"]), 512)
    assert with_dog[1] == without[1] == 64
    assert not np.array_equal(with_dog[0], without[0])


@pytest.mark.parametrize("text", ["\ud800", "a cat \udfff", "\udc00\ud800"])
def test_half_a_surrogate_pair_is_a_bad_parameter(encoder: OnnxEncoder, text: str) -> None:
    with pytest.raises(BadParameter, match="not valid Unicode"):
        encoder.encode_text(text, 512)


def test_upper_case_and_accents_do_not_matter(encoder: OnnxEncoder) -> None:
    plain = encoder.encode_text("creme brulee", 512)[0]
    assert np.array_equal(encoder.encode_text("CRÈME Brûlée", 512)[0], plain)


def test_a_photo_is_nearest_to_its_own_words(
    encoder: OnnxEncoder, photos: dict[str, Pixels]
) -> None:
    captions = {
        "cat": "a photo of a cat",
        "coffee": "a photo of a cup of coffee",
        "rocket": "a photo of a rocket",
    }
    for dimensions in SPACES:
        words = np.stack([encoder.encode_text(text, dimensions)[0] for text in captions.values()])
        for name, pixels in photos.items():
            similarity = words @ encoder.encode_image(pixels, dimensions)
            assert list(captions)[int(similarity.argmax())] == name, dimensions


def test_the_text_tower_is_loaded_once_and_with_the_first_text(
    starter: Path, photos: dict[str, Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []

    def load(manifest: Manifest, folder: Path, threads: int, provider: Provider) -> TextTower:
        loaded.append(folder)
        return TextTower(manifest, folder, threads, provider)

    monkeypatch.setattr(onnx, "TextTower", load)
    fresh = OnnxEncoder(starter)
    fresh.encode_image(photos["cat"], 512)
    assert loaded == []
    with ThreadPoolExecutor(16) as pool:
        vectors = list(pool.map(lambda _: fresh.encode_text("a cat", 512)[0].tobytes(), range(32)))
    assert loaded == [starter]
    assert len(set(vectors)) == 1


def test_a_text_file_altered_after_the_start_is_never_used(
    copy: Path, photos: dict[str, Pixels]
) -> None:
    encoder = OnnxEncoder(copy)
    path = copy / "text.int8.onnx"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.unlink()
    path.write_bytes(data)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"text\.int8\.onnx is altered \(SHA-256 differs"):
            encoder.encode_text("a cat", 512)
    assert abs(norm(encoder.encode_image(photos["cat"], 512)) - 1) < 1e-5


def test_a_loaded_encoder_needs_its_files_no_more(copy: Path, photos: dict[str, Pixels]) -> None:
    encoder = OnnxEncoder(copy)
    before = encoder.encode_text("a cat", 512)[0]
    shutil.rmtree(copy)
    assert np.array_equal(encoder.encode_text("a cat", 512)[0], before)
    assert abs(norm(encoder.encode_image(photos["cat"], 512)) - 1) < 1e-5

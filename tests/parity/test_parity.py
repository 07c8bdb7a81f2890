"""Our pixels and tokens beside those of OpenAI's and of transformers' own code.

Both run in an environment of their own, because they need PyTorch: `make test-parity`.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
import pytest
from numpy.typing import NDArray

from imgvec.encoders.onnx import normaliser
from imgvec.images.decode import ImageLimits, decode
from imgvec_models.calibration.feeds import text_feeds
from imgvec_models.export.bpe import clip_tokenizer
from imgvec_models.hub.recipe import find_recipe
from tests.support.images.every_kind import LARGE, every_kind
from tests.support.models.odd_texts import odd_texts
from tests.support.models.peers import PYTHON, run_references

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="NOT CHECKED: parity with CLIP's own code; `make test-parity` does"
)
LIMITS = ImageLimits(max_bytes=50_000_000, max_pixels=50_000_000, max_frames=10)
RECIPE = find_recipe(Path("absent"), "clip-vit-b32")
MARKS = {"<|startoftext|> a cat <|endoftext|>", "<start_of_text> <end_of_text>"}
"""open_clip renamed OpenAI's marks, so that it takes ours for plain text, and we its."""

Tensors = NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """What the references made of the pictures and texts, in their order."""

    pixels: dict[str, Tensors]
    ours: Tensors
    names: list[str]
    sizes: list[tuple[int, int]]
    texts: list[str]
    cleaned: list[str]
    tokens: list[list[int]]
    tokenizer: Path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Run the references over everything, once."""
    folder = tmp_path_factory.mktemp("parity")
    pictures, texts = every_kind(), odd_texts()
    (folder / "pictures").mkdir()
    for place, data in enumerate(pictures.values()):
        (folder / "pictures" / f"{place:02}").write_bytes(data)
    (folder / "texts.json").write_text(json.dumps(texts))
    assert run_references(folder) == 0
    written = json.loads((folder / "found.json").read_text())
    assert written["pillow"] == PIL.__version__, "another Pillow decodes and resizes otherwise"
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_bytes(clip_tokenizer(Path(written["vocabulary"])))
    with np.load(folder / "pixels.npz") as pixels:
        return Found(
            pixels=dict(pixels),
            ours=_ours(pictures),
            names=list(pictures),
            sizes=written["sizes"],
            texts=texts,
            cleaned=written["cleaned"],
            tokens=written["tokens"],
            tokenizer=tokenizer,
        )


def _ours(pictures: dict[str, bytes]) -> Tensors:
    normalise = normaliser(RECIPE.preprocessing)
    size = RECIPE.preprocessing.size
    return np.concatenate([normalise(decode(data, size, LIMITS)) for data in pictures.values()])


def levels(ours: Tensors, theirs: Tensors) -> NDArray[np.float64]:
    """Differences in levels of 255: one row for each picture."""
    std = np.array(RECIPE.preprocessing.image_std)[:, np.newaxis, np.newaxis]
    difference: NDArray[np.float64] = np.abs(ours.astype(np.float64) - theirs) * std * 255
    return difference.reshape(len(ours), -1)


def cosines(ours: Tensors, theirs: Tensors) -> NDArray[np.float64]:
    """Of the towers' inputs, one for each picture."""
    one, other = (tensor.reshape(len(tensor), -1).astype(np.float64) for tensor in (ours, theirs))
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / norms)


def report(who: str, what: str, ours: Tensors, theirs: Tensors) -> None:
    found = levels(ours, theirs)
    print(
        f"\n{who}, {len(ours)} {what}: at most {found.max():.3f} of 255 levels, "
        f"{found.mean(axis=1).max():.3f} on average; cosine {cosines(ours, theirs).min():.6f}"
    )


def whole(found: Found) -> NDArray[np.bool_]:
    """Pictures that are decoded at full scale."""
    return np.array([not name.startswith("large") for name in found.names])


def moved(found: Found) -> NDArray[np.bool_]:
    """Pictures whose crop transformers cuts a pixel further up or left than OpenAI does.

    Half of an odd excess is between two pixels: OpenAI's rounds to even, transformers' down.
    """
    size = RECIPE.preprocessing.size
    return np.array([(int(size * max(s) / min(s)) - size) % 4 == 3 for s in found.sizes])


def test_there_are_pictures_of_all_kinds(found: Found) -> None:
    assert whole(found).sum() >= 50
    assert (~whole(found)).sum() == len(LARGE)
    assert moved(found)[whole(found)].sum() >= 3


def test_pixels_are_openai_s(found: Found) -> None:
    chosen = whole(found)
    ours, theirs = found.ours[chosen], found.pixels["OpenAI"][chosen]
    report("OpenAI", "pictures", ours, theirs)
    assert levels(ours, theirs).max() < 0.001
    assert cosines(ours, theirs).min() > 0.999999


@pytest.mark.parametrize(
    ("who", "most"), [("transformers, Pillow", 0.001), ("transformers, torch", 2.001)]
)
def test_pixels_are_transformers_but_for_its_crop(found: Found, who: str, most: float) -> None:
    chosen = whole(found) & ~moved(found)
    ours, theirs = found.ours[chosen], found.pixels[who][chosen]
    report(who, "pictures", ours, theirs)
    assert levels(ours, theirs).max() < most
    assert cosines(ours, theirs).min() > 0.9999
    for place in np.flatnonzero(whole(found) & moved(found)):
        own, other = found.ours[place : place + 1], found.pixels[who][place : place + 1]
        width, height = found.sizes[place]
        if width > height:
            own, other = own[..., :-1], other[..., 1:]
        else:
            own, other = own[:, :, :-1], other[:, :, 1:]
        assert levels(own, other).max() < most


def test_a_reduced_scale_stays_close_to_openai_s(found: Found) -> None:
    chosen = ~whole(found)
    ours, theirs = found.ours[chosen], found.pixels["OpenAI"][chosen]
    report("OpenAI", "large JPEGs", ours, theirs)
    assert levels(ours, theirs).mean(axis=1).max() < 1
    assert cosines(ours, theirs).min() > 0.9999


def test_the_tokenizer_is_the_hub_s_to_the_last_byte(found: Found) -> None:
    data, pinned = found.tokenizer.read_bytes(), RECIPE.files["tokenizer"]
    assert (len(data), hashlib.sha256(data).hexdigest()) == (pinned.size, pinned.sha256)


def test_tokens_are_openai_s(found: Found) -> None:
    """As they are where OpenAI's cleaner changes nothing, and after it everywhere."""
    plain = ours(found, found.texts)
    same = sum(one == other for one, other in zip(plain, found.tokens, strict=True))
    print(f"\n{len(found.texts)} texts: the same tokens for {same} as they are", end="")
    cleaned = zip(found.cleaned, ours(found, found.cleaned), found.tokens, strict=True)
    other = {text for text, one, theirs in cleaned if one != theirs}
    print(f", for {len(found.texts) - len(other)} after OpenAI's cleaning")
    assert same >= 2000
    assert other == {text for text in found.cleaned if text in MARKS or ends_in_sigma(text)}


def ends_in_sigma(text: str) -> bool:
    """Whether a capital sigma ends a word: Python knows its small letter, the hub's tokenizer
    lowers letter by letter."""
    return text.lower() != "".join(letter.lower() for letter in text)


def ours(found: Found, texts: list[str]) -> list[list[int]]:
    names = RECIPE.text
    assert names is not None
    return [feed[names.ids][0].tolist() for feed in text_feeds(found.tokenizer, names, texts)]

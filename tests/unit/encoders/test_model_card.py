"""The model card says what the manifest and the files say."""

from pathlib import Path

import pytest

from imgvec.encoders.integrity import read_manifest


@pytest.fixture
def card(starter: Path) -> str:
    """The card of the encoder that ships."""
    return (starter / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_the_card_names_the_revision(starter: Path, card: str) -> None:
    assert f"`{read_manifest(starter).revision[:12]}…`" in card


def test_the_card_has_what_the_manifest_has(starter: Path, card: str) -> None:
    manifest = read_manifest(starter)
    assert manifest.text is not None
    widths = sorted(space.dimensions for space in manifest.spaces)
    assert "{}, {} and {} dimensions".format(*widths) in card
    assert f"{manifest.preprocessing.size} x {manifest.preprocessing.size}" in card
    assert f"first {manifest.text.max_characters} characters" in card
    assert f"at most {manifest.text.max_tokens} tokens" in card
    for source in manifest.sources:
        assert f"`{source.repository.removeprefix('PyPI: ')}` {source.revision}" in card
        assert source.licence == "Apache-2.0"


@pytest.mark.parametrize("role", ["image", "text"])
def test_the_card_has_the_sizes_of_the_files(starter: Path, card: str, role: str) -> None:
    size = (starter / f"{role}.int8.onnx").stat().st_size
    assert f"{size / 1e6:.1f} MB" in card


@pytest.mark.parametrize("data", ["Flickr8k", "ImageNet", "PACS", "Tux Paint", "Openclipart"])
def test_the_card_names_the_terms_of_all_training_data(card: str, data: str) -> None:
    training, _, _ = card.partition("## Training data")[2].partition("## Licences")
    (row,) = [line for line in training.splitlines() if line.startswith(f"| {data}")]
    assert row.split("|")[2].strip()

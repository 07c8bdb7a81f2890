"""Towers that PyTorch 2.14 exported of open_clip's model, as the hub has L/14.

`CLIP(8, vision: 32 pixels, patches of 8, 2 layers of 16; text: 16 tokens of 64, 2 layers of 16)` of
random weights: quick GELU, normalised, opset 19, a batch of one and no other.
"""

from pathlib import Path

from imgvec_models.hub.recipe import Native, Recipe, find_recipe
from tests.support.models.thin_clip import END, letters_tokenizer

GOLDEN = Path(__file__).parent / "golden"
SIZE, TOKENS, VOCABULARY = 32, 16, 64


def write_golden(folder: Path) -> None:
    """Both towers and a tokenizer, as if pulled."""
    for tower in ("image", "text"):
        data = (GOLDEN / f"open_clip_{tower}.onnx").read_bytes()
        (folder / f"{tower}.onnx").write_bytes(data)
    letters_tokenizer(VOCABULARY).save(str(folder / "tokenizer.json"))


def golden_recipe() -> Recipe:
    """The recipe of L/14 with the towers' sizes."""
    shipped = find_recipe(Path("absent"), "clip-vit-l14")
    assert shipped.text is not None
    return shipped.model_copy(
        update={
            "preprocessing": shipped.preprocessing.model_copy(update={"size": SIZE}),
            "text": shipped.text.model_copy(update={"max_tokens": TOKENS, "pad_token": END}),
            "native": Native(pooled=16, joint=8),
            "spaces": (8, 16),
        }
    )

"""Encoders in immich's layout, as a local hub or a folder has them: small, of random weights."""

import json
from dataclasses import dataclass, field
from typing import Any

from imgvec_benchmarks.shapes.sizes import SMALL
from imgvec_benchmarks.shapes.text import text_tower
from imgvec_benchmarks.shapes.vision import image_tower
from tests.support.models.local_hub import LocalHub
from tests.support.models.open_clip_form import in_open_clip_form
from tests.support.models.thin_clip import END, letters_tokenizer

REPOSITORY = "someone/Small-CLIP__random"
COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


@dataclass
class Layout:
    """The files of a repository, which a test may change before they are offered."""

    config: dict[str, Any]
    preprocess: dict[str, Any]
    tokenizer_config: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)

    def written(self) -> dict[str, bytes]:
        """All files by path."""
        written = {
            "config.json": self.config,
            "visual/preprocess_cfg.json": self.preprocess,
            "textual/tokenizer_config.json": self.tokenizer_config,
        }
        return {path: json.dumps(one).encode() for path, one in written.items()} | self.files


def small_layout() -> Layout:
    """A small CLIP as immich exports open_clip's."""
    image = in_open_clip_form(image_tower(SMALL))
    text = in_open_clip_form(text_tower(SMALL))
    return Layout(
        config={
            "embed_dim": SMALL.joint,
            "vision_cfg": {
                "image_size": SMALL.image_size,
                "layers": SMALL.image.layers,
                "width": SMALL.image.width,
                "patch_size": SMALL.patch,
            },
            "text_cfg": {"context_length": SMALL.positions, "vocab_size": SMALL.vocabulary},
        },
        preprocess={
            "size": [SMALL.image_size, SMALL.image_size],
            "mode": "RGB",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "interpolation": "bicubic",
            "resize_mode": "squash",
            "fill_color": 0,
        },
        tokenizer_config={"pad_token": END},
        files={
            "visual/model.onnx": image.SerializeToString(),
            "textual/model.onnx": text.SerializeToString(),
            "textual/tokenizer.json": letters_tokenizer(SMALL.vocabulary).to_str().encode(),
        },
    )


def offer_layout(hub: LocalHub, layout: Layout, commit: str = COMMIT) -> None:
    """Put a repository on the hub, as its newest commit."""
    hub.newest[REPOSITORY] = commit
    for path, data in layout.written().items():
        hub.files[f"{REPOSITORY}/resolve/{commit}/{path}"] = data

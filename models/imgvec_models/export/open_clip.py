"""Exporting a model of open_clip with its weights; needs PyTorch, on a workstation."""

import json
import logging
import warnings
from collections.abc import Callable
from functools import partial as bind
from pathlib import Path
from typing import Any, Final

import open_clip
import torch
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer, default_bpe
from timm.utils import reparameterize_model

from imgvec.errors import ModelError
from imgvec_models.export.bpe import FIRST, clip_tokenizer
from imgvec_models.export.tower import Tower, write_tower
from imgvec_models.export.wanted import Wanted
from imgvec_models.progress import Say

FIELDS: Final = ("mean", "std", "interpolation", "resize_mode")
CONTEXT: Final = 77
"""open_clip's default."""


def export(wanted: Wanted, folder: Path, say: Say) -> Path:
    """Write both towers, their configuration and the tokenizer to `folder`/<repository>.

    Raises:
        ModelError: open_clip has no such model or cannot read it, or a tower gives other vectors
            in ONNX Runtime than in PyTorch.
    """
    logging.getLogger().setLevel(logging.ERROR)
    say(f"Reading {wanted.model} by open_clip")
    with warnings.catch_warnings():
        # Of tracing: each tower is compared with PyTorch afterwards.
        warnings.simplefilter("ignore")
        return _export(wanted, folder / wanted.repository, say)


def _export(wanted: Wanted, target: Path, say: Say) -> Path:
    config = _configuration(wanted)
    model, tokenizer = read_model(wanted)
    text = config["text_cfg"] = {"context_length": CONTEXT} | config["text_cfg"]
    preprocess = open_clip.get_model_preprocess_cfg(model)
    visual, textual = target / "visual", target / "textual"
    for part in (visual, textual):
        part.mkdir(parents=True, exist_ok=True)
    _write(target / "config.json", config)
    _write(visual / "preprocess_cfg.json", preprocess)
    data, pad_token = _tokenizer(tokenizer)
    (textual / "tokenizer.json").write_bytes(data)
    _write(textual / "tokenizer_config.json", {"pad_token": pad_token})
    say("Exporting the image tower")
    size = preprocess["size"]
    image = torch.rand(2, 3, *((size, size) if isinstance(size, int) else size))
    _tower(model, bind(model.encode_image, normalize=True), "image", image, visual)
    say("Exporting the text tower")
    texts = tokenizer(["a cat", "two dogs on a beach"], text["context_length"]).int()
    _tower(model, bind(model.encode_text, normalize=True), "text", texts, textual)
    return target


def _configuration(wanted: Wanted) -> dict[str, Any]:
    """The model's configuration: embedding, image tower, text tower."""
    if wanted.folder is not None:
        path = wanted.folder / "open_clip_config.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text())["model_cfg"]
        except (OSError, ValueError, KeyError):
            raise ModelError(f"{path} is missing or no configuration of open_clip") from None
        return found
    config: dict[str, Any] | None = open_clip.get_model_config(wanted.model)
    if config is None:
        raise ModelError(
            f"open_clip has no model {wanted.model!a}: `python -c 'import open_clip; "
            "print(open_clip.list_models())'` lists them"
        )
    tags = open_clip.list_pretrained_tags_by_model(wanted.model)
    if wanted.pretrained is not None and wanted.pretrained not in tags:
        raise ModelError(
            f"open_clip has no weights {wanted.pretrained!a} of {wanted.model}; there are: "
            f"{', '.join(tags) or 'none'}"
        )
    return config


def read_model(wanted: Wanted) -> tuple[torch.nn.Module, SimpleTokenizer | HFTokenizer]:
    """The model with its weights, its branches merged where timm can, and its tokenizer.

    Raises:
        ModelError: open_clip cannot read one of them.
    """
    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        model = open_clip.create_model(
            wanted.model,
            wanted.pretrained,
            pretrained_text=False,
            force_preprocess_cfg=_family(wanted),
        )
        tokenizer = open_clip.get_tokenizer(wanted.model)
    except (OSError, RuntimeError, ValueError) as problem:
        raise ModelError(
            f"open_clip cannot read {wanted.model}: {str(problem).splitlines()[0]}"
        ) from None
    return reparameterize_model(model.eval()), tokenizer


def _family(wanted: Wanted) -> dict[str, Any] | None:
    """The preprocessing that trained weights of a model have, for random ones."""
    if wanted.folder is not None or wanted.pretrained is not None:
        return None
    tags = open_clip.list_pretrained_tags_by_model(wanted.model)
    config = open_clip.get_pretrained_cfg(wanted.model, tags[0]) if tags else {}
    return {field: config[field] for field in FIELDS if field in config}


def _tokenizer(tokenizer: SimpleTokenizer | HFTokenizer) -> tuple[bytes, str]:
    """`tokenizer.json`, and the token that pads."""
    if isinstance(tokenizer, SimpleTokenizer):
        # open_clip pads with the id 0.
        return clip_tokenizer(Path(default_bpe())), FIRST
    if tokenizer.strip_sep_token or tokenizer.tokenizer_mode:
        raise ModelError("The tokenizer changes its tokens afterwards, which imgvec does not")
    fast = tokenizer.tokenizer
    return fast.backend_tokenizer.to_str(pretty=True).encode(), fast.pad_token


def _tower(
    model: torch.nn.Module,
    encode: Callable[[torch.Tensor], torch.Tensor],
    name: str,
    example: torch.Tensor,
    folder: Path,
) -> None:
    # The exporter calls a model with every argument that `forward` has.
    model.forward = lambda inputs: encode(inputs)
    write_tower(Tower(model, name, example), folder / "model.onnx")


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")

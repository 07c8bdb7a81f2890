"""A model of each family at its true shape with random weights, as open_clip defines it.

    PYTHONPATH=layers/core:models:. .cache/peers/bin/python -m tests.encoders.families FOLDER

exports all of them, or those that are named after FOLDER, to FOLDER/open_clip/<name>. No hub is
asked: tokenizers and the configuration of the text tower XLM-R are written here.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import open_clip
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import XLMRobertaConfig

from imgvec_models.export.open_clip import FIELDS, export
from imgvec_models.export.wanted import LOCAL, Wanted

PLAIN: Final = {"b32": "ViT-B-32", "mobileclip2": "MobileCLIP2-S2", "rn50": "RN50"}
"""CLIP's own tokenizer, which open_clip carries."""
LOCALLY: Final = {
    "siglip2": "ViT-B-16-SigLIP2",
    "siglip2-l16": "ViT-L-16-SigLIP2-256",
    "xlmr": "xlm-roberta-base-ViT-B-32",
}
FAMILIES: Final = ("b32", "siglip2", "xlmr", "mobileclip2", "rn50")
TOKENIZERS: Final = {
    "siglip2": (("<pad>", "<eos>", "<bos>", "<unk>"), "$A <eos>"),
    "xlmr": (("<s>", "<pad>", "</s>", "<unk>"), "<s> $A </s>"),
}
"""Marks in the order of their ids, and where they stand in a text."""
SPACE: Final = "\N{LOWER ONE EIGHTH BLOCK}"
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def wanted(name: str, folder: Path) -> Wanted:
    """The model of a family; what it needs is written into `folder`."""
    if name in PLAIN:
        return Wanted(PLAIN[name])
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    model = LOCALLY[name]
    config: dict[str, Any] = open_clip.get_model_config(model)
    text = config["text_cfg"]
    if name == "xlmr":
        text["hf_model_name"] = str(place)
        XLMRobertaConfig(
            vocab_size=250002, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
        ).save_pretrained(place)
    trained = open_clip.get_pretrained_cfg(model, open_clip.list_pretrained_tags_by_model(model)[0])
    written = {
        "model_cfg": config,
        "preprocess_cfg": {field: trained[field] for field in FIELDS if field in trained},
    }
    (place / "open_clip_config.json").write_text(json.dumps(written))
    _write_tokenizer(place, *TOKENIZERS[name.partition("-")[0]])
    return Wanted(f"{LOCAL}{place}")


def _write_tokenizer(folder: Path, marks: Sequence[str], single: str) -> None:
    """Letters and pairs of them, with the marks and their ids of the true vocabulary."""
    pieces = [*marks, SPACE, *LETTERS, *(a + b for a in LETTERS for b in LETTERS)]
    scores = [(piece, 0.0 if piece in marks else -1.0) for piece in pieces]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=marks.index("<unk>")))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(SPACE)
    tokenizer.post_processor = processors.TemplateProcessing(
        single, special_tokens=[(mark, marks.index(mark)) for mark in marks]
    )
    tokenizer.add_special_tokens(list(marks))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "padding_side": "right",
        "truncation_side": "right",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    for family in sys.argv[2:] or FAMILIES:
        print(export(wanted(family, Path(sys.argv[1]) / "of"), Path(sys.argv[1]), print))

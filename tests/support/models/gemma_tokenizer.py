"""A tokenizer of the form of SigLIP 2's: no mark of the beginning, one of the end, bytes for what
its vocabulary lacks. Its tokens are letters."""

import json
import string
from pathlib import Path
from typing import Final

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing

BLANK: Final = "\N{LOWER ONE EIGHTH BLOCK}"
PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
BYTES: Final = [f"<0x{byte:02X}>" for byte in range(256)]
IDS: Final = {
    word: place
    for place, word in enumerate(
        [
            PAD,
            EOS,
            "<bos>",
            UNKNOWN,
            *BYTES,
            BLANK,
            *string.digits,
            *string.ascii_letters,
            *"!?.,'-",
        ]
    )
}


def gemma_tokenizer() -> Tokenizer:
    """With padding and truncation of its own, which nobody is to use."""
    tokenizer = Tokenizer(BPE(IDS, [], unk_token=UNKNOWN, fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", BLANK)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(" "), "merged_with_previous")
    tokenizer.post_processor = TemplateProcessing(f"$A {EOS}", special_tokens=[(EOS, IDS[EOS])])
    tokenizer.add_special_tokens([PAD, EOS, "<bos>", UNKNOWN])
    tokenizer.enable_padding(direction="left", length=3, pad_id=IDS[UNKNOWN], pad_token=UNKNOWN)
    tokenizer.enable_truncation(2, direction="left")
    return tokenizer


def write_for_transformers(folder: Path) -> None:
    """The folder that transformers opens."""
    folder.mkdir()
    gemma_tokenizer().save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "eos_token": EOS,
        "unk_token": UNKNOWN,
        "padding_side": "right",
        "truncation_side": "right",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))

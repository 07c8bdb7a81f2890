"""CLIP's tokenizer.json as the hub has it, made of OpenAI's vocabulary, to the last byte."""

import gzip
import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import RobertaProcessing

START, END = "<|startoftext|>", "<|endoftext|>"
FIRST = "!"
"""The token of id 0, with which open_clip pads."""
MERGES = 49152 - 256 - 2
"""What OpenAI takes of the file's lines after the first (clip/simple_tokenizer.py)."""
WORDS = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


def clip_tokenizer(vocabulary: Path) -> bytes:
    """The file, of `bpe_simple_vocab_16e6.txt.gz`."""
    lines = gzip.decompress(vocabulary.read_bytes()).decode().split("\n")[1 : MERGES + 1]
    merges = [(left, right) for left, right in map(str.split, lines)]
    made = json.loads(_tokenizer(merges).to_str())
    # Pairs since tokenizers 0.20; the hub's file is older.
    made["model"]["merges"] = [" ".join(pair) for pair in merges]
    return json.dumps(made, indent=2, ensure_ascii=False).encode()


def _tokenizer(merges: list[tuple[str, str]]) -> Tokenizer:
    letters = _letters()
    words = [*letters, *(f"{one}</w>" for one in letters), *map("".join, merges), START, END]
    ids = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(
        models.BPE(
            vocab=ids,
            merges=merges,
            unk_token=END,
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.post_processor = RobertaProcessing(
        (END, ids[END]), (START, ids[START]), trim_offsets=False, add_prefix_space=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(START, normalized=True), AddedToken(END, normalized=False)]
    )
    return tokenizer


def _letters() -> list[str]:
    """A printable letter for each byte, in OpenAI's order: printable bytes first."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = 256 - len(printable)
    return [chr(code) for code in (*printable, *range(256, 256 + others))]

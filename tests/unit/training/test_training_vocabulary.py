import json

import pytest
from tokenizers import Tokenizer

from training.vocabulary import Json, kept_tokens, pruned, words_of

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
LETTERS = list("abcdeght")
TOKENS = [
    "[PAD]",
    "[unused0]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *LETTERS,
    "the",
    "cat",
    "##ed",
    "bat",
    *(f"##{letter}" for letter in LETTERS),
    "date",
]
MUST = len(SPECIAL) + 2 * len(LETTERS) + 1


def described() -> dict[str, Json]:
    number = {token: index for index, token in enumerate(TOKENS)}
    marks = ("[CLS]", "[SEP]")
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": number[token],
                "special": True,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
            }
            for token in SPECIAL
        ],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {
                mark: {"id": mark, "ids": [number[mark]], "tokens": [mark]} for mark in marks
            },
        },
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": dict(number),
        },
    }


def tokenizer(description: dict[str, Json]) -> Tokenizer:
    return Tokenizer.from_str(json.dumps(description))


FULL = tokenizer(described())


def kept(size: int, wanted: tuple[str, ...] = ()) -> list[str]:
    return kept_tokens(FULL.get_vocab(), SPECIAL, wanted, size)


def test_frequent_words_stay_and_unused_marks_go() -> None:
    assert set(kept(MUST + 1)) - set(kept(MUST)) == {"the"}
    assert "[unused0]" not in kept(MUST + 4)


def test_wanted_words_stay_before_frequent_ones() -> None:
    assert "date" in kept(MUST + 1, ("date",))
    assert "the" not in kept(MUST + 1, ("date",))


def test_too_small_a_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{MUST} tokens must stay"):
        kept(MUST - 1)


def test_a_word_that_could_not_be_spelled_is_refused() -> None:
    vocabulary = {**FULL.get_vocab(), "caté": len(TOKENS)}
    with pytest.raises(ValueError, match="caté"):
        kept_tokens(vocabulary, SPECIAL, (), MUST)


@pytest.mark.parametrize("text", ["the cat", "bated", "date", "THE BAT", "", "he h", "x"])
def test_no_text_becomes_unknown_that_was_known(text: str) -> None:
    smaller = tokenizer(pruned(described(), kept(MUST + 1)))
    before, after = FULL.encode(text).tokens, smaller.encode(text).tokens
    assert after.count("[UNK]") == before.count("[UNK]")
    assert (after[0], after[-1]) == ("[CLS]", "[SEP]")


def test_ids_follow_the_rows_that_are_kept() -> None:
    tokens = kept(MUST + 1)
    smaller = tokenizer(pruned(described(), tokens))
    encoding = smaller.encode("the bat")
    assert [tokens[index] for index in encoding.ids] == encoding.tokens
    assert smaller.get_vocab_size() == len(tokens)


def test_the_description_given_is_left_as_it_was() -> None:
    description = described()
    pruned(description, kept(MUST))
    assert description == described()


def test_another_kind_of_tokenizer_is_refused() -> None:
    with pytest.raises(ValueError, match="WordPiece"):
        pruned({"model": None}, kept(MUST))


def test_the_words_of_texts_are_their_tokens() -> None:
    assert words_of(FULL, ["the cat", "cats"]) >= {"the", "cat", "[CLS]"}

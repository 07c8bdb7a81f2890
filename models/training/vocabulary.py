"""A smaller WordPiece vocabulary, for a smaller embedding table."""

import copy
from collections.abc import Collection
from typing import TypeAlias

from tokenizers import Tokenizer

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

PIECE = "##"
UNUSED = "[unused"


def words_of(tokenizer: Tokenizer, texts: Collection[str]) -> frozenset[str]:
    """The tokens that `texts` are made of."""
    return frozenset(
        token for encoding in tokenizer.encode_batch(list(texts)) for token in encoding.tokens
    )


def kept_tokens(
    vocabulary: dict[str, int], special: Collection[str], wanted: Collection[str], size: int
) -> list[str]:
    """`size` tokens of a BERT vocabulary, in its order, with which every text can be spelled.

    Special tokens, single characters and `##` pieces stay, so no word becomes unknown that was
    known before; then `wanted`; then whole words from the most frequent on, which is the order in
    which BERT's vocabulary lists them.

    Raises:
        ValueError: `size` has no room for those that must stay, or a word that is left out has a
            character of its own.
    """
    order = sorted(vocabulary, key=vocabulary.__getitem__)
    kept = {
        token
        for token in order
        if token in special or token in wanted or len(token) == 1 or token.startswith(PIECE)
    }
    if len(kept) > size:
        raise ValueError(f"{len(kept)} tokens must stay: {size} are too few")
    for token in order:
        if len(kept) == size:
            break
        if not token.startswith(UNUSED):
            kept.add(token)
    for token in vocabulary.keys() - kept:
        if not token.startswith(UNUSED) and not _spelled(token, kept):
            raise ValueError(f"{token} could not be spelled")
    return [token for token in order if token in kept]


def pruned(tokenizer: dict[str, Json], kept: list[str]) -> dict[str, Json]:
    """A `tokenizer.json` of a WordPiece model with the tokens of `kept` alone, numbered anew."""
    result = copy.deepcopy(tokenizer)
    number = {token: index for index, token in enumerate(kept)}
    match result:
        case {"model": dict(model), "added_tokens": list(added), "post_processor": dict(post)}:
            model["vocab"] = dict(number)
        case _:
            raise ValueError("not the tokenizer.json of a WordPiece model")
    for token in added:
        if isinstance(token, dict):
            token["id"] = number[str(token["content"])]
    match post:
        case {"special_tokens": dict(marks)}:
            for mark in marks.values():
                if isinstance(mark, dict):
                    mark["ids"] = [number[str(mark["id"])]]
    return result


def _spelled(token: str, kept: Collection[str]) -> bool:
    return token[0] in kept and all(PIECE + character in kept for character in token[1:])

"""A text as a tokenizer expects it, by open_clip's rules."""

import string
from typing import Final, Literal, TypeAlias

Cleaning: TypeAlias = Literal["whitespace", "canonicalize"]
"""`whitespace` joins white space; `canonicalize` also removes punctuation and lower-cases."""

_CANONICAL: Final = str.maketrans({"_": " "} | dict.fromkeys(set(string.punctuation) - {"_"}))


def cleaned(text: str, cleaning: Cleaning | None) -> str:
    """The text as open_clip's `whitespace_clean` or `canonicalize_text` makes it.

    open_clip repairs wrong encodings with ftfy before that, which is left out here.
    """
    if cleaning is None:
        return text
    if cleaning == "canonicalize":
        text = text.translate(_CANONICAL).lower()
    return " ".join(text.split())

"""Texts of all kinds, more than a thousand, for a tokenizer to be held against another."""

import random
import string
import unicodedata
from pathlib import Path

from imgvec_models.calibration.feeds import sentences

LINES = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
"""Emoji, scripts, decomposed letters, ligatures, what a wrong encoding leaves."""
CODE = (
    "&amp; &lt;b&gt; &#39;x&#39; &eacute; &amp;amp;",
    "AT&T &nosuch; &#xZZ; & &copy 2020",
    "<|startoftext|> a cat <|endoftext|>",
    "<start_of_text> <end_of_text>",
    "I'm you're he's we'll they've I'd don't 'S 'T O'Neill's",
    "https://example.com/a?b=c&d=%20#e user@example.com @user #tag",
    "IMG_20240131_120000.JPG 1,234.56 3x4 v1.2.3 $5 50% 1/2 -7",
    "!!! ??? ... --- ___ ~~~ ((())) [x] {y} a/b\\c ^*+=|`",
    'SELECT "x" FROM y; -- comment /* z */',
    "a" * 300,
    "ab" * 5000,
    "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis",
    " ".join(f"word{n}" for n in range(500)),
    "a photo of a cat " * 500,
)
BLANK = ("", " ", "\n", "\t \r\n", "\u00a0", "\u3000", "\u2028", "\ufeff", "\u200b")
STEP = 97
"""Of the assigned characters every 97th is taken."""
ALPHABET = [*string.printable, *"'.,    ", *"".join(LINES)]


def odd_texts() -> list[str]:
    """The same texts each time, none of them twice, all of them valid Unicode."""
    found = [*sentences(), *LINES, *CODE, *BLANK]
    found += [line * 100 for line in LINES[:2]]
    found += [f"a photo of {line} and a cat{line}" for line in LINES]
    found += [f"a{chr(code)}b {chr(code)}" for code in range(0xA0)]
    assigned = (c for c in map(chr, range(0xA0, 0x30000)) if unicodedata.category(c)[0] != "C")
    found += [f"x {c} {c}y" for place, c in enumerate(assigned) if place % STEP == 0]
    chance = random.Random(0)
    found += ["".join(chance.choices(ALPHABET, k=chance.randint(1, 60))) for _ in range(300)]
    return list(dict.fromkeys(found))

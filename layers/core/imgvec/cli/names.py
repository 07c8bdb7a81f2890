r"""Names of files as they are printed and listed: one name is one line, and steers no terminal.

A backslash is `\\`, and each byte of a control character, or of what is no UTF-8, is `\x` with two
hex digits. `printf '%b'` of a shell gives the name back.
"""

import os
import unicodedata


def escaped(name: str) -> str:
    """A name as one line of printable text."""
    return "".join(map(_shown, name))


def _shown(character: str) -> str:
    if character == "\\":
        return "\\\\"
    # Narrow spaces, as in the names of macOS's screenshots, only look like others.
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))

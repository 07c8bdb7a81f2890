"""Lists the licences of all that ships, from the software bill of materials.

make licences
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

BILL: Final = Path(".cache") / "sbom.json"
COPYLEFT: Final = ("GPL", "AGPL", "SSPL", "EUPL")
"""Words of licences that would reach the code beside them."""


def licences(bill: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each component with its version, and its licences in words; `unknown` where it names none."""
    for component in sorted(bill["components"], key=lambda one: str(one["name"]).lower()):
        named = [_words(entry) for entry in component.get("licenses", [])]
        yield f"{component['name']} {component['version']}", "; ".join(named) or "unknown"


def questionable(licence: str) -> bool:
    """Whether somebody should look before this ships."""
    return licence == "unknown" or any(word in licence.upper() for word in COPYLEFT)


def _words(entry: dict[str, Any]) -> str:
    licence = entry.get("license", {})
    words = entry.get("expression") or licence.get("id") or licence.get("name") or "unknown"
    return str(words).rpartition(" :: ")[2]


if __name__ == "__main__":
    found = list(licences(json.loads(BILL.read_text())))
    for name, licence in found:
        print(f"{name:<32}{licence}{'   <- LOOK' if questionable(licence) else ''}")
    print(f"{len(found)} components")
    sys.exit(1 if any(questionable(licence) for _, licence in found) else 0)

"""Prints how the contract went in each place, from what pytest wrote there.

python counts.py FILE.xml..., each named for its place. Fails unless all gave the same known vector.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def main(files: list[str]) -> None:
    """One line for each place."""
    vectors = set()
    print(f"{'place':<12}{'passed':>8}{'skipped':>9}{'failed':>8}{'seconds':>9}  known vector")
    for file in map(Path, files):
        (suite,) = ElementTree.parse(file).iter("testsuite")
        failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
        skipped = int(suite.attrib["skipped"])
        passed = int(suite.attrib["tests"]) - skipped - failed
        properties = suite.iterfind(".//property[@name='known vector']")
        vector = {found.attrib["value"] for found in properties}
        vectors |= vector or {f"none of {file.stem}"}
        print(
            f"{file.stem:<12}{passed:>8}{skipped:>9}{failed:>8}"
            f"{float(suite.attrib['time']):>9.0f}  {' '.join(vector)}"
        )
    if len(vectors) != 1:
        sys.exit("The same image does not give the same floats everywhere.")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Memory and time of one decode of 50 megapixels, by the kind of picture; a table in Markdown.

make memory
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.support.images.large_pictures import LARGE, decoded

SIZE: Final = (8660, 5773)


def main() -> None:
    print("| picture of 50 megapixels | file, MB | memory, MB | seconds |")
    print("|---|---|---|---|", flush=True)
    with TemporaryDirectory() as folder:
        for kind, make in LARGE.items():
            file = Path(folder, "image")
            file.write_bytes(make(SIZE))
            size = file.stat().st_size
            peak, seconds = decoded(file)
            print(f"| {kind} | {size / 1e6:.1f} | {peak / 1e6:.0f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()

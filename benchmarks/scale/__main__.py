"""`python -m benchmarks.scale`: simulate, and write docs/scale.md."""

from pathlib import Path
from typing import Final

from benchmarks.scale.page import page

PAGE: Final = Path("docs/scale.md")

if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE} is written.")

"""Two files `llms.txt` for language models, made from titles and first sentences of the docs.

One is an index of the documentation, at the top of the repository. `imgvec serve` has the other,
which describes the API. The form is that of https://llmstxt.org.
"""

import re
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parent
ROOT: Final = DOCS.parent
SECTIONS: Final[dict[str, str | tuple[str, ...]]] = {
    "Start": ("README.md", "docs/quickstart.md"),
    "How to": "how-to",
    "Reference": "reference",
    "Explanation": "explanation",
    "Optional": ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
}
DIALECTS: Final = ("openai", "cohere", "bedrock", "weaviate", "coreviz", "pixlab", "memories")
DESCRIPTION: Final = "- [OpenAPI description](openapi.json): Every route, field, answer and error."


def llms_txt() -> str:
    """The whole file."""
    title, summary = _title(ROOT / "README.md"), _first_paragraph(ROOT / "README.md")
    parts = [f"# {title}\n\n> {summary}\n"]
    for heading, pages in SECTIONS.items():
        if isinstance(pages, str):
            found = sorted((DOCS / pages).glob("*.md"))
        else:
            found = [ROOT / name for name in pages]
        lines = [_line(page) for page in found]
        if heading == "Reference":
            lines.append(DESCRIPTION)
        parts.append(f"## {heading}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def served_txt() -> str:
    """The file that `imgvec serve` has at `/llms.txt`; its links lead to the server's own pages."""
    title, summary = _title(ROOT / "README.md"), _first_paragraph(ROOT / "README.md")
    pages = [DOCS / "reference" / f"{name}.md" for name in DIALECTS]
    dialects = [f"- {_title(page)}: {_sentence(page)}" for page in pages]
    parts = [
        f"# {title}\n\n> {summary}\n",
        f"## API\n\n{DESCRIPTION}\n- [Forms](docs): A form for each request, for people.\n",
        "## Dialects\n\n" + "\n".join(dialects) + "\n",
    ]
    return "\n".join(parts)


def _line(page: Path) -> str:
    return f"- [{_title(page)}]({page.relative_to(ROOT)}): {_sentence(page)}"


def _sentence(page: Path) -> str:
    return re.split(r"(?<=[.]) ", _first_paragraph(page))[0]


def _title(page: Path) -> str:
    found = re.search(r"^# (.+)$", page.read_text(), re.M)
    if found is None:
        raise ValueError(f"{page} has no title")
    return found[1]


def _first_paragraph(page: Path) -> str:
    """The first paragraph of prose, on one line, without links and emphasis."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for part in prose.split("\n\n"):
        text = " ".join(part.split())
        if text and not text.startswith(("#", "<", "|", "-")):
            return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text).replace("**", "")
    raise ValueError(f"{page} has no paragraph")

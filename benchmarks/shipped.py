"""What the container image holds, worked out without an engine."""

import marshal
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from benchmarks.material import CLIP, STARTER, Material
from benchmarks.timing import Pace
from imgvec.encoders.registry import shipped_folder
from tests.support.server.places import ROOT

LEFT_OUT: Final = {"bin", "pages", "test", "tests", "__pycache__"}
"""Folders that the Dockerfile or .dockerignore leaves out; bytecode is written anew."""
HEADER: Final = 16
"""Bytes before the code in a file of bytecode."""
SHOWN: Final = 5


def section(material: Material, pace: Pace) -> str:
    """Megabytes by part; there is nothing to repeat."""
    (site,) = material.shipped.glob("lib/*/site-packages")
    packages = _packages(site)
    code = [*_kept(ROOT / "layers/core/imgvec"), ROOT / "functions/embeddings/app.py"]
    installed, ours = sum(packages.values()), _size(code)
    bytecode = sum(_bytecode(file) for file in [*_kept(site), *code] if file.suffix == ".py")
    starter, clip = (
        _size(_kept(folder / name))
        for folder, name in ((shipped_folder(), STARTER), (material.models, CLIP))
    )
    whole = installed + ours + bytecode
    largest = ", ".join(f"{name} {_mb(size)}" for name, size in packages.most_common(SHOWN))
    return "\n".join(
        [
            "## Bytes of the image",
            "",
            "What the Dockerfile of the embeddings function adds to AWS's base image, not "
            "compressed. It is worked out of the lock, without an engine, for x86; "
            "`make image-size` measures an image that was built.",
            "",
            "| part | MB |",
            "|---|---|",
            f"| {len(packages)} packages ({largest}) | {_mb(installed)} |",
            f"| imgvec and its handler | {_mb(ours)} |",
            f"| bytecode of both, as this Python writes it | {_mb(bytecode)} |",
            f"| `{STARTER}` | {_mb(starter)} |",
            f"| **sum, with `{STARTER}`** | **{_mb(whole + starter)}** |",
            f"| sum with `{CLIP}`, whose files have {_mb(clip)} | {_mb(whole + clip)} |",
            "",
        ]
    )


def _packages(site: Path) -> Counter[str]:
    """Bytes that each package leaves in the image."""
    kept = set(_kept(site))
    return Counter(
        {
            package.name: _size(kept & {site / file for file in package.files or ()})
            for package in distributions(path=[str(site)])
        }
    )


def _kept(folder: Path) -> Iterator[Path]:
    """Files that the Dockerfile leaves of a folder."""
    for path in folder.rglob("*"):
        left_out = LEFT_OUT & set(path.relative_to(folder).parts) or path.suffix == ".pyi"
        if path.is_file() and not left_out:
            yield path


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _bytecode(file: Path) -> int:
    """Bytes of what a file compiles to; about those of its text where this Python is too old."""
    text = file.read_bytes()
    with warnings.catch_warnings(action="ignore"):
        try:
            return HEADER + len(marshal.dumps(compile(text, file.name, "exec", dont_inherit=True)))
        except SyntaxError:
            return len(text)


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f}"

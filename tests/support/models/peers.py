"""The environment with other people's code, which needs PyTorch, and the way to run it there."""

import asyncio
from pathlib import Path
from typing import Final

from tests.support.server.places import ROOT

PYTHON: Final = ROOT / ".cache" / "peers" / "bin" / "python"
REFERENCES: Final = ROOT / "tests" / "parity" / "references.py"


def run_references(folder: Path) -> int:
    """Let the references read and write `folder`; gives the exit status."""

    async def run() -> int:
        process = await asyncio.create_subprocess_exec(PYTHON, "-I", REFERENCES, folder)
        return await process.wait()

    return asyncio.run(run())

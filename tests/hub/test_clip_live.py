"""`make clip-live`: reaches the download, and without a network stops there with one sentence."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.server.places import ROOT

TARGET = ("make", "--no-print-directory", "--old-file=.venv/test", "clip-live")


@pytest.mark.skipif(
    shutil.which("make") is None or not (ROOT / ".venv" / "bin" / "imgvec").exists(),
    reason="needs make, and the environment that it sets up",
)
def test_without_a_network_it_stops_at_the_download_with_one_sentence(tmp_path: Path) -> None:
    environment = {
        # Not what `make test` tells its own children of itself.
        **{name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        "IMGVEC_MODELS": str(tmp_path),
        # Nothing listens there: as good as no network, and as quick wherever this runs.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "",
    }
    done = subprocess.run(
        TARGET, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    first, make = done.stderr.splitlines()
    assert first == (
        "imgvec: Cannot reach huggingface.co through the proxy of HTTPS_PROXY: connect to the "
        "internet, name a mirror in IMGVEC_HUB, or use --from FOLDER"
    )
    assert make.startswith("make: *** ")
    assert not list((tmp_path / "pulled" / "clip-vit-b32").glob("*.onnx*"))

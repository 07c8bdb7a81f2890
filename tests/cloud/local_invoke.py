"""`sam local invoke` with every file of `events/`, as a reader of the docs would.

Named so that `make test` passes it by: it needs a container engine, which `make test-cloud` starts.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.aws.rest_events import integration_of, response_of
from tests.support.aws.sample_events import FOLDER, IMAGES, PHOTO, REQUESTS, SECOND
from tests.support.contract.checks import bits
from tests.support.server.places import ROOT, PictureServer, imgvec

SAM: Final = ROOT / ".cache" / "tools" / "bin" / "sam"


@pytest.mark.parametrize("name", list(REQUESTS))
def test_event(name: str, pictures: PictureServer, tmp_path: Path) -> None:
    """Each answers 200, and where it embeds the photo, with the bits of the command line."""
    pictures.files["cat.jpg"] = PHOTO.read_bytes()
    file = FOLDER / f"{name}.json"
    event = json.loads(file.read_text())
    function = "EmbeddingsFunction" if name in SECOND else integration_of(event["path"])
    host = pictures.address.partition(":")[0]
    options = ("--skip-pull-image", "--add-host", f"{IMAGES}:{host}")
    done = subprocess.run(
        [str(SAM), "local", "invoke", function, "-e", str(file), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout, f"no answer: {done.stderr}"
    answer = response_of(json.loads(done.stdout))
    assert answer.status_code == 200, answer.text

    body = answer.json()
    found = body.get("data") or body
    if not isinstance(found, dict) or "embedding" not in found or "text" in name:
        return
    width = str(len(found["embedding"]))
    environment = {**os.environ, "IMGVEC_DATA": str(tmp_path)}
    made = imgvec("embed", str(PHOTO), "--dimensions", width, environment=environment)
    assert bits(found["embedding"]) == bits(json.loads(made.stdout)["embedding"])

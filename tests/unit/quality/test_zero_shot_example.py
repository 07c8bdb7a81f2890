"""The zero-shot example runs as its documentation says, with whatever encoder is there."""

import subprocess
import sys

import pytest

from tests.support.server.places import CAT, ROOT

SCRIPT = ROOT / "examples" / "zero_shot.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("captions", "status"),
    [
        (("a photo of a cat", "a photo of a dog"), 0),
        (("a photo of a dog", "a photo of a cat"), 1),
    ],
)
def test_the_caption_that_fits_best_is_told(captions: tuple[str, str], status: int) -> None:
    done = run("starter", str(CAT), *captions)
    assert done.returncode == status, done.stderr
    shares = {line[9:]: float(line[:7].strip(" %")) for line in done.stdout.splitlines()}
    assert list(shares) == list(captions)
    assert shares["a photo of a cat"] > 90
    assert sum(shares.values()) == pytest.approx(100, abs=0.1)


def test_an_encoder_that_is_not_built_is_one_sentence() -> None:
    done = run("clip-vit-l14-of-nobody", str(CAT), "a cat")
    assert (done.returncode, done.stdout) == (1, "")
    assert "names clip-vit-l14-of-nobody, which is not in" in done.stderr
    assert "Traceback" not in done.stderr

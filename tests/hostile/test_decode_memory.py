"""The peak of a decode, in a process of its own: at most so many bytes for each pixel."""

from pathlib import Path

import pytest

from tests.support.images.large_pictures import LARGE, decoded

SIZE = (2500, 2000)
BYTES_A_PIXEL = 10
"""docs/how-to/deploy.md says 9; template.yaml chooses the limit of pixels by it."""


@pytest.mark.parametrize("kind", LARGE)
def test_the_peak_of_a_decode_is_bounded_by_its_pixels(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(LARGE[kind](SIZE))
    peak, _ = decoded(file)
    # The file is held once more.
    assert peak - file.stat().st_size < BYTES_A_PIXEL * SIZE[0] * SIZE[1]

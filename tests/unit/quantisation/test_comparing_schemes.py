"""The table of docs/quantisation.md is made by this tool."""

import numpy as np
import pytest

from imgvec_models.graphs.fuse import fuse
from imgvec_models.quantisation.judge import Judgement, judge
from tests.support.models.small_clip import small_feeds, small_tower


def test_a_scheme_is_judged_beside_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # without the emulator
    feeds = small_feeds("image", 24)
    tower = small_tower("image")
    del tower.graph.output[1:]
    fused = fuse(tower, feeds[0])
    before = fused.SerializeToString()
    found = judge(fused, "image_embeds", feeds, small_feeds("image", 30, seed=5), "u8u8-static")
    assert found.cosine.shape == (30,)
    assert found.cosine.min() > 0.95
    assert 0.5 < found.overlap <= 1
    assert 0 < found.megabytes < 0.6 * fused.ByteSize() / 1e6
    assert (found.violations, found.emulated) == (0, None)
    assert fused.SerializeToString() == before


def test_a_judgement_is_a_row_of_the_table() -> None:
    found = Judgement(np.array([0.9912, 0.998, 0.999]), 0.95, 15.0, 45.0, 90.04, 0, 0.99987)
    assert str(found) == "0.9912 / 0.9980 | 0.950 | 15.0 (0.33) | 90.0 | 0 | 0.999870"

"""`imgvec bench`, over the shipped encoder."""

import os
from pathlib import Path

from tests.support.server.places import imgvec


def test_every_stage_has_its_times_and_all_cores_a_rate(tmp_path: Path) -> None:
    environment = os.environ | {"IMGVEC_DATA": str(tmp_path)}
    done = imgvec("bench", "--seconds", "0.1", environment=environment)
    assert done.returncode == 0, done.stderr
    table, _, rate = done.stdout.partition("\n\n")
    for line in table.splitlines()[1:]:
        median, fastest, slowest = map(float, line.split()[-3:])
        assert 0 < fastest <= median <= slowest, line
    stages = [line.rsplit(maxsplit=3)[0].strip() for line in table.splitlines()[1:]]
    assert stages == [
        "0.3 MP, decode",
        "2 MP, decode",
        "12 MP, decode",
        "encode an image",
        "encode a text",
        "2 MP, decode and encode",
    ]
    assert float(rate.split()[0]) > 0
    assert "starter" in done.stderr


def test_no_time_at_all_is_refused_with_a_sentence() -> None:
    done = imgvec("bench", "--seconds", "0", environment=dict(os.environ))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr

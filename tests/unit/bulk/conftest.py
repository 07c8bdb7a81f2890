"""Photos, and the parts that jobs over them have written."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import orjson
import pytest
from pyarrow import parquet

from imgvec_models.calibration.feeds import PHOTOS
from tests.support.server.places import NOBODY, imgvec, server_environment
from tests.unit.cli.said import Environment

DIMENSIONS = 512


@dataclass
class Workplace:
    """A folder with photos, in which jobs run."""

    folder: Path
    environment: Environment

    @property
    def unmeasured(self) -> Environment:
        """Without coverage, which would complain of another folder or of a full disk."""
        return {name: one for name, one in self.environment.items() if "COVERAGE" not in name}

    @property
    def photos(self) -> str:
        """The folder of the photos."""
        return str(self.folder / "photos")

    @property
    def out(self) -> Path:
        """The job's folder."""
        return self.folder / "vectors"

    def embed(self, *arguments: str) -> CompletedProcess[str]:
        """Run a job into `out`."""
        numbers = ("--dimensions", str(DIMENSIONS))
        return imgvec(
            "embed", *arguments, *numbers, "-o", f"{self.out}/", environment=self.environment
        )

    def rows(self) -> dict[str, np.ndarray]:
        """The vectors of all parts by path; no path may be there twice."""
        rows = parquet.read_table(self.out).to_pylist()
        assert len({row["image_path"] for row in rows}) == len(rows)
        return {row["image_path"]: np.array(row["embedding"], np.float32) for row in rows}

    def failures(self, number: int) -> list[dict[str, str]]:
        """The failures of a part."""
        lines = (self.out / f"_errors-{number:05}.jsonl").read_bytes().splitlines()
        return [orjson.loads(line) for line in lines]


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """Twelve photos in `photos/`."""
    (tmp_path / "photos").mkdir()
    for photo in sorted(PHOTOS.glob("*.jpg"))[:12]:
        shutil.copy(photo, tmp_path / "photos")
    return Workplace(tmp_path, server_environment(tmp_path / "data", NOBODY))

"""Files that are missing or altered stop the start, with a sentence that names file and fix."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgvec.encoders.integrity import (
    RECORD,
    bake,
    read_manifest,
    read_verified,
    verified_graph,
    verify,
)
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.errors import ModelError
from tests.support.models.damaged_files import (
    Damage,
    assert_refused,
    flip_a_bit,
    grow,
    remove,
    replace_by_folder,
    truncate,
)
from tests.support.server.places import ROOT

SERVED = ["image.int8.onnx", "text.int8.onnx", "tokenizer.json"]


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.parametrize("damage", [flip_a_bit, truncate, grow, remove, replace_by_folder])
def test_a_damaged_file_is_named_with_the_fix(copy: Path, name: str, damage: Damage) -> None:
    path = copy / name
    assert_refused(path, damage(path))


def test_the_shipped_files_are_intact(starter: Path) -> None:
    verify(read_manifest(starter), starter)


def test_what_was_verified_is_what_is_given(starter: Path) -> None:
    file = read_manifest(starter).files.tokenizer
    assert file is not None
    assert hashlib.sha256(read_verified(starter, file)).hexdigest() == file.sha256


BAKE = 'python3 -m imgvec.encoders.integrity "models/${name}"'
"""The step of the image's build."""


class TestInAnImage:
    @pytest.mark.parametrize("name", SERVED)
    def test_an_altered_file_of_the_same_size_stops_the_build(self, copy: Path, name: str) -> None:
        assert BAKE in (ROOT / "functions" / "embeddings" / "Dockerfile").read_text()
        bake(copy)
        flip_a_bit(copy / name)
        done = subprocess.run(
            [sys.executable, *BAKE.split()[1:-1], str(copy)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith(f"imgvec: {copy / name} is altered (SHA-256 differs")
        assert done.stderr.count("\n") == 1
        # Nor does the record of an earlier build stand for it.
        assert not (copy / RECORD).exists()

    @pytest.mark.parametrize("name", SERVED)
    @pytest.mark.parametrize("damage", [truncate, grow, remove])
    def test_a_file_of_another_size_stops_the_start(
        self, copy: Path, name: str, damage: Damage
    ) -> None:
        bake(copy)
        sentence = f"{copy / name} is {damage(copy / name)}: "
        with pytest.raises(ModelError) as refused:
            OnnxEncoder(copy)
        assert str(refused.value).startswith(sentence)

    @pytest.mark.parametrize("name", SERVED)
    def test_a_digest_that_is_not_the_manifests_stops_the_start(
        self, copy: Path, name: str
    ) -> None:
        bake(copy)
        recorded = (copy / RECORD).read_text()
        (copy / RECORD).write_text(recorded.replace(f'"{name}"', '"other"'))
        with pytest.raises(ModelError, match=f"{name} is altered"):
            OnnxEncoder(copy)

    def test_a_record_that_cannot_be_read_stops_the_start(self, copy: Path) -> None:
        (copy / RECORD).write_text('{"image.int8.onnx": ')
        with pytest.raises(ModelError, match=r"verified\.json cannot be read"):
            OnnxEncoder(copy)

    def test_a_graph_is_opened_by_its_path_there_and_from_verified_bytes_elsewhere(
        self, copy: Path
    ) -> None:
        file = read_manifest(copy).files.image
        bytes_of_it = (copy / file.path).read_bytes()
        assert verified_graph(copy, file) == bytes_of_it
        bake(copy)
        assert verified_graph(copy, file) == copy / file.path
        pixels = np.full((260, 260, 3), 99, np.uint8)
        baked = OnnxEncoder(copy).encode_image(pixels, 512)
        (copy / RECORD).unlink()
        assert baked.tobytes() == OnnxEncoder(copy).encode_image(pixels, 512).tobytes()

    def test_a_start_reads_nothing_that_it_does_not_need_yet(self, copy: Path) -> None:
        """Seen by what it misses: of the text tower, only sizes are looked at."""
        bake(copy)
        flip_a_bit(copy / "text.int8.onnx")
        OnnxEncoder(copy)
        (copy / RECORD).unlink()
        with pytest.raises(ModelError, match=r"text\.int8\.onnx is altered"):
            OnnxEncoder(copy)

"""All of `make bench`, on towers and photos so small that of its page only the words are true."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from imgvec_benchmarks import cold
from imgvec_benchmarks.__main__ import PARTS, main, measured
from imgvec_benchmarks.machine import flags, uses_tiles
from imgvec_benchmarks.masked import environment, hiding
from imgvec_benchmarks.material import SIZES, Material, prepare
from imgvec_benchmarks.products import tower_macs, tower_products
from imgvec_benchmarks.shapes.sizes import B32, SMALL, Transformer
from imgvec_benchmarks.timing import Pace
from imgvec_models.build.encoder import FLOAT16
from tests.support.server.places import ROOT

TINY = replace(
    SMALL, joint=512, image=Transformer(width=512, layers=1, heads=8), image_size=32, patch=16
)
"""As wide as the spaces that are asked for, and no deeper than it must be."""
ANSWERING = """#!/bin/sh
test -f "$3/model.onnx" && test -f "$3/preprocessor_config.json" && echo ready
while read -r path; do test -f "$path" && echo 1.5; done
"""
BROKEN = """#!/bin/sh
echo loading >&2
echo no such library >&2
"""


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """What `make bench` prepares, with two peers."""
    cache = tmp_path_factory.mktemp("cache")
    peers = {"answering": cache / "answering", "broken": cache / "broken"}
    for python, script in zip(peers.values(), (ANSWERING, BROKEN), strict=True):
        python.write_text(script)
        python.chmod(0o755)
    return replace(prepare(cache, TINY, FLOAT16, dict.fromkeys(SIZES, (96, 64))), peers=peers)


@pytest.fixture(scope="module")
def page(material: Material) -> str:
    """The whole page; the machine's page cache is left to those who use it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cold, "drop_page_cache", lambda: False)
        return measured(material, Pace(0), list(PARTS))


def test_every_part_is_in_the_page(page: str) -> None:
    assert len(re.findall(r"^## ", page, re.M)) == len(PARTS)


def test_every_table_is_whole(page: str) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", page, re.M)
    assert len(tables) >= len(PARTS)
    for table in tables:
        heading, line, *rows = table.splitlines()
        assert set(line) == {"|", "-"}, table
        assert rows, table
        for row in rows:
            assert row.count("|") == heading.count("|") == line.count("|"), row


def test_every_figure_was_filled_in(page: str) -> None:
    assert not re.search(r"[{}]|\bnan\b|\binf\b|None", page)


def test_peers_are_asked_and_one_that_does_not_start_is_named_with_its_words(page: str) -> None:
    assert "| photo | imgvec | answering |" in page
    assert "| 1.5 (1.5 to 1.5) [" in page
    assert "broken did not start: `no such library`." in page


def test_a_part_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(SystemExit, match="There is no part speed; there are: encoder, peers"):
        main(["speed"])


def test_the_tower_multiplies_what_clip_does() -> None:
    """4.4 GMAC, as OpenAI's ViT-B/32 at 224 pixels is usually given."""
    assert tower_macs(B32) == pytest.approx(4.41e9, rel=1e-3)
    assert len(tower_products(B32)) == 1 + 6 * 12


def test_older_processors_are_in_the_page_or_why_they_are_not(page: str) -> None:
    (part,) = re.findall(r"### With the kernels of older processors\n\n(.+?)\n## ", page, re.S)
    if "Not measured here" not in part:
        assert re.search(r"^\| all \|", part, re.M)
        assert re.search(r"^\| AVX2 \|", part, re.M)


def test_what_is_hidden_is_not_seen() -> None:
    """NumPy says what the processor seems to have."""
    listing = (
        "from numpy._core._multiarray_umath import __cpu_features__ as known\n"
        "print(*[name for name in ('AVX2', 'AVX512F') if known[name]])"
    )
    with hiding() as library:
        if library is None or "avx512f" not in flags():
            pytest.skip("NOT CHECKED: no AVX-512 to hide, or no kernel or compiler for it")
        seen = {
            mask: subprocess.run(
                [sys.executable, "-c", listing],
                env=environment(library, mask),
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()
            for mask in ("avx512", "avx2")
        }
    assert seen == {"avx512": ["AVX2", "AVX512F"], "avx2": ["AVX2"]}


def test_tiles_are_in_use_only_where_the_processor_has_them() -> None:
    assert not uses_tiles() or "amx_int8" in Path("/proc/cpuinfo").read_text()


def test_nothing_but_tests_imports_a_helper_of_the_tests() -> None:
    rooms = ("benchmarks", "docs", "examples", "functions", "infra", "layers")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 100, "positive control"
    imports = re.compile(r"^\s*(from|import) tests\b", re.M)
    assert [file for file in files if imports.search(file.read_text())] == []

"""`imgvec cost`, as a person and as a program reads it."""

import sys

import orjson
import pytest
from click.testing import CliRunner

from imgvec.cli import group, main


def said(*options: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(group, ["cost", *options])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("gateway", "loses"),
    [("rest", "nothing"), ("http", "usage plans"), ("url", "no throttle before the function")],
)
def test_each_front_door_has_its_sum_and_what_it_loses(gateway: str, loses: str) -> None:
    text = said("2000000", "--gateway", gateway)
    rows = {cells[0]: cells for line in text.splitlines() if (cells := line.split())}
    assert float(rows["total"][2]) == pytest.approx(2 * float(rows["total"][1]), abs=0.02)
    assert loses in text


def test_the_object_has_the_same_sum() -> None:
    content = orjson.loads(said("--json"))
    assert content["total"] == pytest.approx(sum(content["dollars"].values()))
    assert f"{content['total']:.2f}" in said()


def test_any_encoder_is_counted_by_its_milliseconds() -> None:
    dear, cheap = (orjson.loads(said("--encode-ms", ms, "--json"))["total"] for ms in ("80", "20"))
    assert dear - cheap == pytest.approx(60 * 1.5 * 0.0288, rel=0.01)


def test_an_encoder_that_no_gpu_pays_for_has_no_sentence_about_one() -> None:
    assert "GPU endpoint" in said("--encoder", "clip-vit-l14")
    assert "GPU endpoint" not in said("--encoder", "starter", "--processor", "vnni")


@pytest.mark.parametrize("command", [["cost", "5"], ["bench"]])
def test_a_library_without_the_benchmarks_says_so(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "imgvec_benchmarks.commands", None)
    monkeypatch.setattr(sys, "argv", ["imgvec", *command])
    with pytest.raises(SystemExit, match="2"):
        main()
    said = capsys.readouterr()
    assert said.err.startswith(f"imgvec: `imgvec {command[0]}` needs imgvec_benchmarks.commands")

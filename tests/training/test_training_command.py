import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from imgvec.encoders.integrity import read_manifest, verify
from training import __main__ as command
from training import starter
from training.export import VOCABULARY
from training.heads import Heads, Linear, Standard, load, new_head, save
from training.layout import WIDTH, Layout
from training.recipes import STARTER


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads of a few hidden values and one epoch, and a tower's classifier without its wheel."""
    recipe = replace(
        STARTER, width=255, hidden_image=8, hidden_text=8, epochs=1, pictures=4, batch=16
    )
    monkeypatch.setattr(starter, "STARTER", recipe)
    tower = Linear(torch.zeros(12, 48), torch.zeros(12))
    monkeypatch.setattr(command, "classifier", lambda: tower)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command.main, [str(argument) for argument in arguments])


def test_training_writes_heads_and_prints_what_to_choose_by(
    features_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "heads.npz"
    result = run("train", "--features", features_folder, "--out", out)
    assert result.exit_code == 0, result.output
    assert "32 photos, 9 classes" in result.output
    assert "Flickr8k, validation" in result.output
    assert "9 classes among all 12 names" in result.output
    assert "among 3 classes not trained on" in result.output
    assert "test" not in result.output
    assert load(out).layout is not None


def test_a_final_training_takes_the_validation_photos_and_all_classes(
    features_folder: Path, tmp_path: Path
) -> None:
    left_out = tmp_path / "captions.json"
    # Photo 1 is of the validation split, photo 2 of the test split, which is never trained on.
    left_out.write_text(json.dumps({"1.jpg": [], "2.jpg": []}), encoding="utf-8")
    result = run(
        *("train", "--features", features_folder, "--out", tmp_path / "heads.npz"),
        *("--final", "--without", left_out),
    )
    assert result.exit_code == 0, result.output
    assert "63 photos, 12 classes" in result.output
    assert "t2i" not in result.output


def test_a_build_goes_all_the_way_with_mocked_towers(
    features_folder: Path, old_heads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It trains, exports what it trained, quantises what it exported, and prints the table."""
    out = tmp_path / "files"

    def written(heads: Heads, layout: Layout, texts: list[str], size: int, folder: Path) -> None:
        torch.testing.assert_close(heads.image.lin.weight, load(out / "heads.npz").image.lin.weight)
        (folder / "towers").write_text(f"{len(texts)} {size}")
        for name in ("image.int8.onnx", "text.int8.onnx", "tokenizer.json"):
            (folder / name).write_text(name)

    monkeypatch.setattr(command, "export", written)
    monkeypatch.setattr(
        command, "quantise_exported", lambda folder, *_: [(folder / "towers").read_text()]
    )
    texts = tmp_path / "texts"
    texts.write_text("one\ntwo\n", encoding="utf-8")
    result = run(
        *("build", "--features", features_folder, "--start", old_heads),
        *("--texts", texts, "--out", out),
    )
    assert result.exit_code == 0, result.output
    titles = [line for line in result.output.splitlines() if "  " not in line]
    manifest = read_manifest(out)
    verify(manifest, out)
    assert titles[:3] == [
        "64 photos, 12 classes",
        f"2 {VOCABULARY}",
        f"files {manifest.revision}",
    ]
    assert titles[-2:] == ["Flickr8k, test", "Caltech-101"]


@pytest.mark.parametrize("name", ["Heads", "a_b", "-"])
def test_a_folder_that_can_name_no_encoder_is_refused_first(
    features_folder: Path, tmp_path: Path, name: str
) -> None:
    result = run("build", "--features", features_folder, "--out", tmp_path / name)
    assert result.exit_code == 2
    assert f"'{name}' is no name for an encoder" in result.output
    assert not (tmp_path / name).exists()


@pytest.fixture
def old_heads(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "old.npz"
    standard = Standard(torch.zeros(48), torch.ones(48))
    save(Heads(new_head(48, 4, WIDTH), new_head(24, 4, WIDTH), standard, None), path)
    return path


@pytest.mark.parametrize("test", [False, True])
def test_the_test_splits_are_measured_on_request_only(
    features_folder: Path, old_heads: Path, test: bool
) -> None:
    options = ["--test"] if test else []
    result = run("evaluate", "--features", features_folder, "--heads", old_heads, *options)
    assert result.exit_code == 0, result.output
    titles = [line for line in result.output.splitlines() if "  " not in line]
    expected = ["Flickr8k, validation"]
    assert titles == (expected if not test else [*expected, "Flickr8k, test", "Caltech-101"])


def test_heads_without_a_layout_are_not_exported(old_heads: Path, tmp_path: Path) -> None:
    result = run("export", "--heads", old_heads, "--out", tmp_path / "files")
    assert result.exit_code == 2
    assert "has no layout" in result.output
    assert not (tmp_path / "files").exists()


def test_help_names_every_command_and_the_rule() -> None:
    assert all(name in run("--help").output for name in ("train", "evaluate", "export", "build"))
    assert "never choose by them" in run("evaluate", "--help").output


def test_a_missing_folder_is_named() -> None:
    result = run("train", "--features", "nowhere", "--out", "heads.npz")
    assert result.exit_code == 2
    assert "nowhere" in result.output
    assert not Path("heads.npz").exists()


def test_the_offset_does_not_change_what_is_retrieved(
    features_folder: Path, tmp_path: Path
) -> None:
    """The first column of figures of two files that differ in their offset alone."""
    path = tmp_path / "heads.npz"
    run("train", "--features", features_folder, "--out", path)
    heads = load(path)
    assert heads.layout is not None
    plain = tmp_path / "plain.npz"
    save(replace(heads, layout=replace(heads.layout, offset=0.0)), plain)
    raised, level = (
        run("evaluate", "--features", features_folder, "--heads", file).output.splitlines()[1:]
        for file in (path, plain)
    )
    figures = [[line.split("augmented")[0] for line in lines] for lines in (raised, level)]
    assert figures[0] == figures[1]
    assert raised != level

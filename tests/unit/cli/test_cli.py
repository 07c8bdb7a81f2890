"""`imgvec`: help, wrong usage, wrong settings, altered encoders, and the list of encoders."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from imgvec import __version__
from imgvec.cli import group
from imgvec.encoders.integrity import SHIPPED_TERMS
from tests.support.server.places import CAT, ROOT, imgvec
from tests.unit.cli.said import Environment, assert_sentence, children

WIDTHS = [512, 768, 1024]
SHIPPED = ROOT / "models"


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command there is, by its words."""
    yield path
    for name, child in children(command).items():
        yield from commands(child, *path, name)


def command_at(path: tuple[str, ...]) -> click.Command:
    """The command that these words call."""
    command: click.Command = group
    for name in path:
        command = children(command)[name]
    return command


@pytest.mark.parametrize("path", list(commands(group)), ids=lambda path: " ".join(path) or "imgvec")
def test_help(environment: Environment, path: tuple[str, ...]) -> None:
    # Whatever is wrong with the settings, the help comes.
    done = imgvec(*path, "--help", environment={**environment, "IMGVEC_NOTHING": "1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(('python -m imgvec', *path))} ")
    assert max(map(len, done.stdout.splitlines())) <= 80
    command = command_at(path)
    sentence = (command.help or "").split("\n")[0]
    assert sentence.endswith(".")
    assert " ".join(sentence.split()[:4]) in done.stdout
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in done.stdout
            assert parameter.help
    for name in children(command):
        assert re.search(rf"^  {name} +[A-Z]", done.stdout, re.MULTILINE)


def test_short_help(environment: Environment) -> None:
    short = imgvec("embed", "-h", environment=environment)
    assert short.stdout == imgvec("embed", "--help", environment=environment).stdout != ""


def test_version(environment: Environment) -> None:
    done = imgvec("--version", environment=environment)
    assert done.stdout == f"imgvec, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["keys", "make"],
        ["keys", "create"],
        ["embed"],
        ["serve", "--port", "x"],
        ["serve", "--port", "99999"],
        ["serve", "--port", "-1"],
    ],
    ids=" ".join,
)
def test_wrong_usage(environment: Environment, arguments: list[str]) -> None:
    done = imgvec(*arguments, environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")
    assert "Error: " in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["serve", "--port", "0"], ["embed", str(CAT)], ["keys", "list"], ["models", "list"]],
    ids=["serve", "embed", "keys", "models"],
)
@pytest.mark.parametrize("name", ["IMGVEC_MAX_PIXELS", "IMGVEC_MAX_PIXLES"])
def test_wrong_setting(environment: Environment, arguments: list[str], name: str) -> None:
    done = imgvec(*arguments, environment={**environment, name: "not-shown"})
    assert_sentence(done, 2, "imgvec: ", name)
    assert "not-shown" not in done.stderr


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["embed", str(CAT)]], ids=" ".join)
@pytest.mark.parametrize("harm", ["flipped", "longer", "missing", "manifest"])
def test_altered_encoder(
    environment: Environment, tmp_path: Path, command: list[str], harm: str
) -> None:
    models = tmp_path / "models"
    shutil.copytree(SHIPPED / "starter", models / "starter")
    path = models / "starter" / ("manifest.json" if harm == "manifest" else "image.int8.onnx")
    data = path.read_bytes()
    if harm == "missing":
        path.unlink()
    elif harm == "longer":
        path.write_bytes(data + b"\0")
    elif harm == "manifest":
        path.write_bytes(data[:-10])
    else:
        path.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    done = imgvec(*command, environment={**environment, "IMGVEC_MODELS": str(models)})
    assert_sentence(done, 2, "imgvec: ", str(path), "restore it")


def test_unknown_encoder(environment: Environment) -> None:
    done = imgvec("embed", str(CAT), environment={**environment, "IMGVEC_ENCODERS": "clip"})
    assert_sentence(done, 2, "imgvec: IMGVEC_ENCODERS names clip", "starter", "pull clip`")


def test_models_list(environment: Environment) -> None:
    rows = json.loads(imgvec("models", "list", "--json", environment=environment).stdout)
    (row,) = (row for row in rows if row["state"] == "built")
    manifest = json.loads((SHIPPED / "starter" / "manifest.json").read_text())
    revision = row.pop("revision")
    assert re.fullmatch("[0-9a-f]{64}", revision)
    size = sum(file["size"] for file in manifest["files"].values())
    assert row == {
        "name": "starter",
        "state": "built",
        "served": True,
        "dimensions": WIDTHS,
        "megabytes": round(size / 1e6, 1),
        "licence": manifest["licence"],
        "terms": SHIPPED_TERMS,
        "proven": True,
    }
    (row_of_l14,) = (row for row in rows if row["name"] == "clip-vit-l14")
    assert row_of_l14 == {
        "name": "clip-vit-l14",
        "state": "not pulled",
        "served": False,
        "dimensions": [768, 1024],
        "revision": None,
        "megabytes": None,
        "licence": "MIT",
        "terms": None,
        "proven": False,
    }
    table = imgvec("models", "list", environment=environment).stdout.splitlines()
    heading = ["name", "state", "served", "dimensions", "revision", "MB", "licence"]
    assert table[0].split() == heading
    lines = {line.split()[0]: re.split(r"  +", line) for line in table[1:-2]}
    assert lines["starter"] == [
        "starter",
        "built",
        "yes",
        "512, 768, 1024",
        revision[:12],
        str(row["megabytes"]),
        manifest["licence"],
    ]
    assert lines["clip-vit-l14"][1:4] == ["not pulled", "no", "768, 1024"]
    assert lines["clip-vit-l14"][-1] == "MIT, unproven"
    assert table[-1] == f"{SHIPPED_TERMS}: imgvec models pull clip-vit-b32"


def test_models_list_of_one_s_own(environment: Environment, tmp_path: Path) -> None:
    manifest = json.loads((SHIPPED / "starter" / "manifest.json").read_text())
    (tmp_path / "models" / "other").mkdir(parents=True)
    path = tmp_path / "models" / "other" / "manifest.json"
    path.write_text(json.dumps({**manifest, "name": "other"}))
    own = {**environment, "IMGVEC_MODELS": str(tmp_path / "models")}
    rows = json.loads(imgvec("models", "list", "--json", environment=own).stdout)
    built = [(row["name"], row["served"]) for row in rows if row["state"] == "built"]
    assert built == [("other", False), ("starter", True)]


def test_models_list_of_a_broken_one(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "models" / "other").mkdir(parents=True)
    path = tmp_path / "models" / "other" / "manifest.json"
    path.write_text("{}")
    own = {**environment, "IMGVEC_MODELS": str(tmp_path / "models")}
    done = imgvec("models", "list", environment=own)
    assert_sentence(done, 2, f"imgvec: {path} is broken")

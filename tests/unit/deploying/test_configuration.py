"""Parameters from `samconfig.toml` and from the command line."""

from pathlib import Path

import pytest

from imgvec.errors import SettingsError
from infra.configuration import read_configuration, split_parameters


def written(folder: Path, text: str) -> Path:
    """A file of this content."""
    path = folder / "samconfig.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "overrides",
    [
        "\"Encoder=a,b LogDays=7 DomainName=''\"",
        '\'Encoder="a,b" LogDays="7" DomainName=""\'',
        '["Encoder=a,b", "LogDays=7 DomainName="]',
        '{Encoder = "a,b", LogDays = 7, DomainName = ""}',
    ],
)
def test_overrides_in_every_form_that_sam_takes(tmp_path: Path, overrides: str) -> None:
    path = written(
        tmp_path,
        f'[dev.global.parameters]\nstack_name = "s"\nparameter_overrides = {overrides}\n',
    )
    found = read_configuration(path, "dev").parameters
    assert found == {"Encoder": "a,b", "LogDays": "7", "DomainName": ""}


def test_a_commands_own_section_comes_first(tmp_path: Path) -> None:
    """Where `sam deploy --guided` writes what it was told."""
    path = written(
        tmp_path,
        '[dev.global.parameters]\nstack_name = "s"\nregion = "r"\nparameter_overrides = "A=1 B=2"\n'
        '[dev.deploy.parameters]\nprofile = "p"\nparameter_overrides = "A=3"\n',
    )
    found = read_configuration(path, "dev")
    assert (found.stack, found.region, found.profile) == ("s", "r", "p")
    assert found.parameters == {"A": "3"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("[", "cannot be read", id="no TOML"),
        pytest.param("version = 0.1\n[prod]\n", "there are: prod", id="no such environment"),
        pytest.param("[dev.deploy.parameters]\n", "has no stack_name", id="no stack"),
        pytest.param(
            '[dev.global.parameters]\nstack_name = "s"\nparameter_overrides = "A=\'x"\n',
            "A quotation mark is missing",
            id="a quotation mark",
        ),
        pytest.param(
            '[dev.global.parameters]\nstack_name = "s"\nparameter_overrides = "file://x"\n',
            "write Name=value",
            id="a file",
        ),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read_configuration(written(tmp_path, text), "dev")


def test_no_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_configuration(tmp_path / "absent.toml", "dev")


@pytest.mark.parametrize("word", ["Encoder", "=x", "--guided", "ParameterKey=A,ParameterValue=B"])
def test_a_word_that_is_no_parameter(word: str) -> None:
    with pytest.raises(SettingsError, match=r"write Name=value"):
        split_parameters([word])

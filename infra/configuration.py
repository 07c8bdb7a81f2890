"""The parameters of a deployment: of `samconfig.toml` as SAM reads it, and of the command line."""

import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from imgvec.errors import SettingsError

Parameters: TypeAlias = dict[str, str]


@dataclass(frozen=True, slots=True)
class Configuration:
    """One environment of the file, as `sam deploy --config-env` takes it."""

    environment: str
    stack: str
    region: str | None
    profile: str | None
    parameters: Parameters


def read_configuration(path: Path, environment: str) -> Configuration:
    """Read one environment of `samconfig.toml`.

    Raises:
        SettingsError: it cannot be read, or has no such environment, or that has no stack's name.
    """
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as problem:
        raise SettingsError(f"{path} cannot be read ({problem}): correct it") from None
    if environment not in content:
        known = ", ".join(name for name, value in content.items() if isinstance(value, dict))
        raise SettingsError(f"{path} has no environment {environment!a}; there are: {known}")
    sections: Mapping[str, Any] = content[environment]
    # A command's own section comes before `global`, key by key.
    merged = {
        **sections.get("global", {}).get("parameters", {}),
        **sections.get("deploy", {}).get("parameters", {}),
    }
    if not isinstance(merged.get("stack_name"), str):
        raise SettingsError(f"{path} has no stack_name under [{environment}.global.parameters]")
    return Configuration(
        environment,
        merged["stack_name"],
        merged.get("region"),
        merged.get("profile"),
        _overrides(merged.get("parameter_overrides", "")),
    )


def _overrides(written: object) -> Parameters:
    """`parameter_overrides` in the forms that SAM takes: a text, a list of texts, or a table."""
    if isinstance(written, dict):
        return {name: str(value) for name, value in written.items()}
    texts = written if isinstance(written, list) else [written]
    try:
        words = [word for text in texts for word in shlex.split(str(text))]
    except ValueError:
        raise SettingsError(f"A quotation mark is missing in {written!a}: add it") from None
    return split_parameters(words)


def split_parameters(words: Iterable[str]) -> Parameters:
    """Parameters of words `Name=value`.

    Raises:
        SettingsError: a word is no such pair.
    """
    found: Parameters = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name.isalnum() or not equals or name == "ParameterKey":
            raise SettingsError(f"{word!a} is no parameter: write Name=value")
        found[name] = value
    return found

"""Writes what is made from the code: settings, commands, cost, openapi.json, the stack's picture.

`make docs` runs it; a test fails when a page and the code have drifted apart.
"""

from pathlib import Path

import click
import orjson
from pydantic_core import PydanticUndefined
from samtranslator.yaml_helper import yaml_parse

from cost_page import cost_page
from imgvec.api.application import close
from imgvec.app import create_app
from imgvec.cli import group
from imgvec.settings import PREFIX, Settings
from picture import picture

ROOT = Path(__file__).resolve().parent.parent
PICTURE_BEGINS = "<!-- Made by `make docs` of template.yaml. -->"
PICTURE_ENDS = "<!-- End of what is made. -->"
NOTE = "<!-- Made by `make docs`; edit the code instead. -->\n"


def settings_page() -> str:
    """`docs/settings.md`."""
    lines = [
        NOTE,
        "# Settings",
        "",
        "Environment variables. One that is unknown or wrong stops the start with a sentence that",
        "names it; an empty one counts as not set.",
        "",
        "| variable | default | what it sets |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default
        if default is PydanticUndefined:
            shown = "the user's data folder" + (", `models`" if name == "models" else "")
        elif isinstance(default, tuple):
            shown = ",".join(default) or "(empty)"
        else:
            shown = "(empty)" if default is None else str(default)
        lines.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """`docs/commands.md`: the help of every command."""
    parts = [NOTE, "# Commands", ""]
    parts += [f"```\n{text}\n```\n" for text in _helps(group, "imgvec")]
    return "\n".join(parts)


def _helps(command: click.Command, name: str, parent: click.Context | None = None) -> list[str]:
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=88, **command.context_settings
    )
    texts = [command.get_help(context)]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                texts += _helps(found, child, context)
    return texts


def openapi_json(settings: Settings) -> str:
    """`openapi.json`, as the server gives it at `/openapi.json`."""
    app = create_app(settings)
    close(app)
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(app.openapi(), option=options).decode()


def deploy_page() -> str:
    """`docs/deploy.md` with the architecture as the template has it."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    template = yaml_parse((ROOT / "template.yaml").read_text())
    begin, rest = page.split(PICTURE_BEGINS)
    _, end = rest.split(PICTURE_ENDS)
    drawn = f"\n```mermaid\n{picture(template)}\n```\n"
    return begin + PICTURE_BEGINS + drawn + PICTURE_ENDS + end


def write_all() -> None:
    """Write every page in place."""
    settings = Settings(data=ROOT / ".cache" / "openapi")
    (ROOT / "docs" / "deploy.md").write_text(deploy_page())
    (ROOT / "docs" / "settings.md").write_text(settings_page())
    (ROOT / "docs" / "commands.md").write_text(commands_page())
    (ROOT / "docs" / "cost.md").write_text(NOTE + cost_page())
    (ROOT / "openapi.json").write_text(openapi_json(settings))


if __name__ == "__main__":
    write_all()

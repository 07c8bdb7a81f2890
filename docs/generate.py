"""Writes the parts of the docs that are made from the code, openapi.json and llms.txt.

`make docs` runs it; a test fails when a page and the code have drifted apart.
"""

from pathlib import Path
from typing import get_args

import click
import orjson
from pydantic_core import PydanticUndefined
from samtranslator.yaml_helper import yaml_parse

from imgvec.api.application import close
from imgvec.api.docs import PAGES
from imgvec.app import create_app
from imgvec.cli import group
from imgvec.settings import PREFIX, Settings
from imgvec_benchmarks import bulk_cost
from imgvec_benchmarks.cost import (
    ENCODE_MS,
    LOSES,
    MILLION,
    Processor,
    Workload,
    bill,
    container,
    gpu_endpoint,
)
from llms import llms_txt, served_txt
from picture import picture
from served import table as served
from statuses import table as statuses

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PICTURE_BEGINS = "<!-- Made by `make docs` of template.yaml. -->"
COST_BEGINS = "<!-- Made by `make docs`, from the sums of `imgvec cost`. -->"
BULK_BEGINS = "<!-- Made by `make docs`, from the same sums. -->"
ERRORS_BEGIN = "<!-- Made by `make docs`, from the dialects. -->"
SERVED_BEGINS = "<!-- Made by `make docs`, from the dialects' models. -->"
ENDS = "<!-- End of what is made. -->"
NOTE = "<!-- Made by `make docs`; edit the code instead. -->\n"


def settings_page() -> str:
    """`docs/reference/settings.md`."""
    lines = [
        NOTE,
        "# Settings",
        "",
        "Every setting is an environment variable. An unknown or wrong one stops the start, and",
        "the error names it. An empty one counts as not set.",
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
            shown = "(empty)" if default in (None, "") else str(default)
            shown = shown.lower() if isinstance(default, bool) else shown
        lines.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """`docs/reference/commands.md`: the help of every command."""
    parts = [NOTE, "# Commands", "", "Every command and option, as `--help` shows it.", ""]
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
    """`docs/how-to/deploy.md` with the architecture as the template has it."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    return _between("how-to/deploy.md", PICTURE_BEGINS, f"```mermaid\n{picture(template)}\n```")


def errors_page() -> str:
    """`docs/reference/errors.md` with the statuses of each dialect."""
    return _between("reference/errors.md", ERRORS_BEGIN, _table(statuses()))


def dialects_page() -> str:
    """`docs/reference/dialects.md` with the models that an encoder serves alone."""
    return _between("reference/dialects.md", SERVED_BEGINS, _table(served()))


def cost_page() -> str:
    """`docs/explanation/cost.md` with the tables of the present prices and times."""
    doors = {door: Workload(MILLION, 2.0, gateway=door) for door in LOSES}
    parts = list(bill(doors["rest"]))
    rows = [["front door", *parts, "total"]]
    for door, work in doors.items():
        sums = bill(work).values()
        rows.append([f"`{door}`", *(f"{one:.2f}" for one in sums), f"**{sum(sums):.2f}**"])
    heading = [
        "encoder",
        "processor",
        "ms of a function",
        "$ a million",
        "container from",
        "GPU from",
    ]
    encoders = [heading] + [
        _encoder_row(Workload(MILLION, 2.0, encoder=encoder, processor=processor))
        for encoder in ENCODE_MS
        for processor in get_args(Processor)
    ]
    loses = "\n".join(f"- `{door}`: {sentence}" for door, sentence in LOSES.items())
    return _between(
        "explanation/cost.md", COST_BEGINS, f"{_table(rows)}\n\n{loses}\n\n{_table(encoders)}"
    )


def bulk_page() -> str:
    """`docs/how-to/bulk-aws.md` with the table of the present prices and times."""
    rows = [["encoder", "processor", "$ a million", "1 million", "10 million", "100 million"]]
    for encoder in ENCODE_MS:
        for processor in get_args(Processor):
            works = [
                Workload(size * MILLION, 2.0, encoder=encoder, processor=processor)
                for size in (1, 10, 100)
            ]
            times = [
                f"{_duration(bulk_cost.hours(work, at_once))} at {at_once}"
                for work, at_once in zip(works, (100, 100, 1000), strict=True)
            ]
            price = f"{bulk_cost.dollars(works[0]):.2f}"
            rows.append([f"`{encoder}`", processor, price, *times])
    return _between("how-to/bulk-aws.md", BULK_BEGINS, _table(rows))


def _duration(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _encoder_row(work: Workload) -> list[str]:
    others = [
        "never" if other is None else f"{other.images / MILLION:,.0f} million"
        for other in (container(work), gpu_endpoint(work))
    ]
    total = f"{sum(bill(work).values()):.2f}"
    return [f"`{work.encoder}`", work.processor, f"{work.function_ms:.0f}", total, *others]


def _table(rows: list[list[str]]) -> str:
    heading, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([heading, "|---" * len(rows[0]) + "|", *others])


def _between(page: str, begins: str, made: str) -> str:
    begin, rest = (DOCS / page).read_text().split(begins)
    _, end = rest.split(ENDS)
    return f"{begin}{begins}\n{made}\n{ENDS}{end}"


def write_all() -> None:
    """Write every page in place."""
    settings = Settings(data=ROOT / ".cache" / "openapi")
    (DOCS / "how-to" / "deploy.md").write_text(deploy_page())
    (DOCS / "reference" / "settings.md").write_text(settings_page())
    (DOCS / "reference" / "commands.md").write_text(commands_page())
    (DOCS / "reference" / "errors.md").write_text(errors_page())
    (DOCS / "reference" / "dialects.md").write_text(dialects_page())
    (DOCS / "explanation" / "cost.md").write_text(cost_page())
    (DOCS / "how-to" / "bulk-aws.md").write_text(bulk_page())
    (ROOT / "llms.txt").write_text(llms_txt())
    (PAGES / "llms.txt").write_text(served_txt())
    (ROOT / "openapi.json").write_text(openapi_json(settings))


if __name__ == "__main__":
    write_all()

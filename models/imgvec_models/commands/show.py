"""`imgvec models list | info`."""

from collections.abc import Iterator
from dataclasses import asdict

import click
import orjson

from imgvec.cli.options import Cell, print_table
from imgvec.encoders.integrity import SHIPPED, SHIPPED_TERMS
from imgvec.settings import load_settings
from imgvec_models.hub.info import Info, describe, every

COLUMNS = ("name", "state", "served", "dimensions", "revision", "MB", "licence")


@click.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def list_(as_json: bool) -> None:
    """List the encoders that are built, and the recipes of others.

    An encoder is "unproven" if the project never built and judged its real weights.
    """
    settings = load_settings()
    found = list(every(settings.models))
    served = set(settings.encoders)
    if as_json:
        click.echo(orjson.dumps([_row(info, info.name in served) for info in found]))
        return
    print_table(COLUMNS, [_line(info, info.name in served) for info in found])
    if any(info.name == SHIPPED for info in found):
        click.echo(f"\n{SHIPPED_TERMS}: imgvec models pull clip-vit-b32")


def _line(info: Info, served: bool) -> tuple[Cell, ...]:
    return (
        info.name,
        info.state,
        "yes" if served else "no",
        ", ".join(map(str, info.dimensions)),
        info.revision and info.revision[:12],
        info.megabytes,
        info.licence if info.proven else f"{info.licence}, unproven",
    )


def _row(info: Info, served: bool) -> dict[str, object]:
    return {
        "name": info.name,
        "state": info.state,
        "served": served,
        "dimensions": info.dimensions,
        "revision": info.revision,
        "megabytes": info.megabytes,
        "licence": info.licence,
        "terms": info.terms,
        "proven": info.proven,
    }


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
def info(name: str, as_json: bool) -> None:
    """Show what is known of the encoder NAME, from its recipe and its build."""
    found = describe(load_settings().models, name)
    if as_json:
        whole = asdict(found) | {
            "preprocessing": found.preprocessing.model_dump(),
            "text": found.text and found.text.model_dump(),
        }
        click.echo(orjson.dumps(whole))
        return
    click.echo(f"{found.name}: {found.title}")
    for heading, text in _lines(found):
        click.echo(f"{heading:14}{text}")


def _lines(info: Info) -> Iterator[tuple[str, str]]:
    yield "licence", info.licence
    if info.terms is not None:
        yield "terms", info.terms
    yield "state", info.state
    yield "proven", "yes" if info.proven else "no: its real weights were never built and judged"
    for source in info.sources:
        yield "source", f"{source.repository} at {source.commit or 'its newest commit'}"
    yield "pinned", f"no: {', '.join(info.unpinned)}" if info.unpinned else "yes"
    yield "image", _image(info)
    yield "text", _text(info)
    yield "dimensions", ", ".join(_dimensions(info))
    if info.revision is not None:
        yield "revision", info.revision
    for name, tower in info.towers.items():
        yield f"{name} tower", f"{tower.megabytes} MB, {tower.scheme}"


def _image(info: Info) -> str:
    taken = info.preprocessing
    way = "short side and centre crop" if taken.crop == "centre" else "squashed"
    return (
        f"{taken.size} x {taken.size} pixels, {way}, {taken.resize}, "
        f"mean {_numbers(taken.image_mean)}, deviation {_numbers(taken.image_std)}"
    )


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _text(info: Info) -> str:
    if info.text is None:
        return "none: it embeds images only"
    padded = f", padded with {info.text.pad_token}" if info.text.pad_token is not None else ""
    cleaned = f", cleaned ({info.text.clean})" if info.text.clean is not None else ""
    return f"{info.text.max_tokens} tokens{padded}{cleaned}"


def _dimensions(info: Info) -> Iterator[str]:
    for width in info.dimensions:
        kind = ""
        if info.joint is not None and width > info.joint:
            kind = " (composed)"
        elif info.prefixes and width < (info.joint or max(info.dimensions)):
            kind = " (a trained prefix)"
        yield f"{width}{kind}"

"""`imgvec cost`: a month on AWS, at list prices."""

from dataclasses import asdict
from typing import get_args

import click
import orjson

from imgvec.cli.options import Number
from imgvec.cli.terminal import Cell, print_table
from imgvec.cost import (
    ENCODE_MS,
    LOSES,
    MILLION,
    Alternative,
    Gateway,
    Line,
    Processor,
    Via,
    Workload,
    bill,
    container,
    gpu_endpoint,
)


@click.command()
@click.option(
    "--images",
    type=click.IntRange(min=1, max=MILLION**2),
    default=MILLION,
    show_default=True,
    help="How many a month.",
)
@click.option(
    "--megapixels",
    type=Number(min=0.01, max=50),
    default=2.0,
    show_default=True,
    help="Of a JPEG, at 0.35 MB a megapixel.",
)
@click.option(
    "--via",
    type=click.Choice(get_args(Via)),
    default="upload",
    show_default=True,
    help="How an image comes: with the request, or fetched.",
)
@click.option(
    "--gateway",
    type=click.Choice(get_args(Gateway)),
    default="rest",
    show_default=True,
    help="REST API, HTTP API or Function URL.",
)
@click.option(
    "--encoder",
    type=click.Choice(list(ENCODE_MS)),
    default="clip-vit-b32",
    show_default=True,
    help="What embeds it.",
)
@click.option(
    "--processor",
    type=click.Choice(get_args(Processor)),
    default="avx2",
    show_default=True,
    help="What Lambda happens to give; it promises none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
def cost(
    images: int,
    megapixels: float,
    via: Via,
    gateway: Gateway,
    encoder: str,
    processor: Processor,
    as_json: bool,
) -> None:
    """What a month of IMAGES costs on AWS, and where another host is cheaper.

    List prices of us-east-1, egress, logs and authorizer included, free tiers not. Nothing is
    asked of AWS: the times are measured ones (docs/performance.md).
    """
    work = Workload(images, megapixels, via, gateway, encoder, processor)
    lines = bill(work)
    others = [other for other in (container(work), gpu_endpoint(work)) if other is not None]
    if as_json:
        click.echo(orjson.dumps(_object(work, lines, others)))
        return
    total = Line("total", sum(line.dollars for line in lines))
    print_table(
        ["part", "$ a million", "$ a month"],
        [_row(line, images) for line in (*lines, total)],
    )
    click.echo(f"\n{work.function_ms:.0f} ms of a function an image. {LOSES[gateway]}")
    for other in others:
        click.echo(_sentence(other))


def _row(line: Line, images: int) -> list[Cell]:
    return [line.part, f"{line.dollars / images * MILLION:.2f}", f"{line.dollars:.2f}"]


def _sentence(other: Alternative) -> str:
    cheaper = f"A {other.name} is cheaper from {_millions(other.images)} images a month"
    return f"{cheaper}; one of it does {_millions(other.capacity)}."


def _millions(images: float) -> str:
    return f"{images / MILLION:,.0f} million"


def _object(work: Workload, lines: list[Line], others: list[Alternative]) -> dict[str, object]:
    return {
        **asdict(work),
        "function_ms": work.function_ms,
        "dollars": {line.part: line.dollars for line in lines},
        "total": sum(line.dollars for line in lines),
        "cheaper_from_images": {other.name: other.images for other in others},
    }

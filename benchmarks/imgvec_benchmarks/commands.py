"""`imgvec cost`, a month on AWS at list prices, and `imgvec bench`, how fast this machine is."""

import os
import statistics
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Final, get_args

import click
import orjson

from imgvec.cli.options import Number, print_table
from imgvec.encoders import Encoder
from imgvec.encoders.registry import load_encoders
from imgvec.images.decode import ImageLimits, decode, limits_of
from imgvec.settings import load_settings
from imgvec_benchmarks import cost as prices
from imgvec_benchmarks.cost import MILLION, Gateway, Processor, Via
from imgvec_benchmarks.photos import photo
from imgvec_benchmarks.timing import clocked, rate_of

PHOTOS: Final = {"0.3 MP": (640, 480), "2 MP": (1632, 1224), "12 MP": (4000, 3000)}
SHARE: Final = 0.1  # of the seconds, for each stage


def _option(
    name: str, kind: click.ParamType[Any], default: object, text: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(name, type=kind, default=default, show_default=True, help=text)


@click.command()
@click.argument("images", type=click.IntRange(1, MILLION**2), default=MILLION)
@_option(
    "--megapixels", Number(0.01, 50), 2.0, "Megapixels of an image, a JPEG of 0.35 MB for each."
)
@_option(
    "--via",
    click.Choice(get_args(Via)),
    "upload",
    "Images come with the request, or are fetched from a URL.",
)
@_option(
    "--gateway", click.Choice(get_args(Gateway)), "rest", "REST API, HTTP API or Function URL."
)
@click.option(
    "--encoder",
    type=click.Choice(list(prices.ENCODE_MS)),
    default="clip-vit-b32",
    show_default=True,
    metavar="NAME",
    help=f"Encoder that embeds the images: {', '.join(prices.ENCODE_MS)}.",
)
@click.option(
    "--encode-ms",
    type=Number(0.1, 100_000),
    help="Milliseconds of an image of any other encoder, as `imgvec bench` measures them on "
    "--processor.",
)
@_option(
    "--processor",
    click.Choice(get_args(Processor)),
    "avx2",
    "Processor of Lambda, which promises none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
def cost(
    images: int,
    megapixels: float,
    via: Via,
    gateway: Gateway,
    encoder: str,
    encode_ms: float | None,
    processor: Processor,
    as_json: bool,
) -> None:
    """Estimate the bill of IMAGES a month on AWS, and when another host is cheaper.

    Without IMAGES it is the bill of a million.

    List prices of us-east-1, egress, logs and authorizer included, free tiers not. The command
    does not call AWS. It counts with measured times (docs/explanation/performance.md).
    """
    name = encoder if encode_ms is None else "other"
    work = prices.Workload(images, megapixels, via, gateway, name, processor, encode_ms)
    dollars = prices.bill(work)
    total = sum(dollars.values())
    both = (prices.container(work), prices.gpu_endpoint(work))
    others = [other for other in both if other is not None]
    if as_json:
        sums = {"function_ms": work.function_ms, "dollars": dollars, "total": total}
        cheaper = {"cheaper_from_images": {other.name: other.images for other in others}}
        click.echo(orjson.dumps({**asdict(work), **sums, **cheaper}))
        return
    print_table(
        ["part", "$ a million", "$ a month"],
        [
            [part, f"{month / work.images * MILLION:.2f}", f"{month:.2f}"]
            for part, month in {**dollars, "total": total}.items()
        ],
    )
    click.echo(
        f"\nAn image takes {work.function_ms:.0f} ms of a function. {prices.LOSES[work.gateway]}"
    )
    for other in others:
        images_a_month, capacity = other.images / MILLION, other.capacity / MILLION
        click.echo(
            f"A {other.name} is cheaper from {images_a_month:,.0f} million images a month. "
            f"One does {capacity:,.0f} million."
        )


@click.command()
@_option("--seconds", Number(0.1, 600), 10.0, "Seconds to measure, approximately.")
def bench(seconds: float) -> None:
    """Measure each stage of embedding here, then all cores together.

    The photos are generated: JPEGs with a camera's noise. Nothing leaves this machine.
    """
    settings = load_settings()
    encoder = next(iter(load_encoders(settings)))
    click.echo(f"{encoder.name}, one image at a time, {settings.threads} thread(s); ms:", err=True)
    work = _stages(encoder, limits_of(settings))
    rows = [[stage, *_milliseconds(do, SHARE * seconds)] for stage, do in work.items()]
    print_table(["stage", "median", "fastest", "slowest"], rows)
    workers = max(1, (os.cpu_count() or 1) // settings.threads)
    rate = rate_of([work["2 MP, decode and encode"]] * workers, 3 * SHARE * seconds)
    click.echo(f"\n{rate:.1f} images of 2 MP a second, on {workers} at a time.")


def _stages(encoder: Encoder, limits: ImageLimits) -> dict[str, Callable[[], object]]:
    widest = max(encoder.dimensions)
    photos = {name: photo(*size) for name, size in PHOTOS.items()}
    pixels = {
        name: partial(decode, one, encoder.image_size, limits, encoder.geometry)
        for name, one in photos.items()
    }
    small = pixels["0.3 MP"]()
    stages: dict[str, Callable[[], object]] = {
        **{f"{name}, decode": do for name, do in pixels.items()},
        "encode an image": partial(encoder.encode_image, small, widest),
    }
    if encoder.embeds_text:
        stages["encode a text"] = partial(encoder.encode_text, "a photo of a cat", widest)
    stages["2 MP, decode and encode"] = lambda: encoder.encode_image(pixels["2 MP"](), widest)
    return stages


def _milliseconds(work: Callable[[], object], seconds: float) -> list[str]:
    """Median, least and greatest time of what fits into `seconds`, after one to warm up."""
    work()
    taken: list[float] = []
    while not taken or sum(taken) < seconds * 1000:
        taken.append(clocked(work))
    return [f"{value:.1f}" for value in (statistics.median(taken), min(taken), max(taken))]

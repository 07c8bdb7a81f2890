"""`imgvec models quality`."""

import sys
from pathlib import Path

import click

from imgvec.cli.tools import build_tools
from imgvec.encoders.registry import find_folders
from imgvec.errors import ModelError
from imgvec.settings import load_settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("name", default="")
@click.option(
    "--photos",
    type=FOLDER,
    metavar="FOLDER",
    help="Photos of your own; captions.json in it has a list of captions for each file name.",
)
@click.option(
    "--labelled",
    type=FOLDER,
    metavar="FOLDER",
    help="Folders of photos, each called after what is on them.",
)
@click.option(
    "--features", type=FOLDER, metavar="FOLDER", help="Cached features of towers; with --heads."
)
@click.option("--heads", type=FILE, metavar="FILE", help="Trained heads, applied to --features.")
@click.option(
    "--large",
    type=click.IntRange(min=0),
    default=0,
    help="Photos to enlarge to a camera's 12 megapixels.",
)
def quality(
    name: str,
    photos: Path | None,
    labelled: Path | None,
    features: Path | None,
    heads: Path | None,
    large: int,
) -> None:
    """Measure the encoder NAME (otherwise the preferred one) on data at hand.

    Near-duplicates, captions to photos and back, accuracy by names and by neighbours, int8
    against float32, size and time, in each space. The exit status is 1 if int8 loses too much.
    """
    with build_tools():
        from imgvec_models.quality.features import from_features
        from imgvec_models.quality.heads import Heads
        from imgvec_models.quality.judge import Given
        from imgvec_models.quality.report import report
    if (features is None) != (heads is None):
        raise click.UsageError("--features and --heads belong together")
    if features is not None and heads is not None:
        trained = Heads(heads)
        for dimensions in (512, 768, trained.width):
            click.echo(f"{dimensions} dimensions")
            for line in from_features(features, trained, dimensions):
                click.echo(line)
        return
    settings = load_settings()
    wanted = name or settings.encoders[0]
    folder = find_folders(settings.models).get(wanted)
    if folder is None:
        raise ModelError(f"{wanted} is not built: `imgvec models build {wanted}` builds it")
    fails = False
    for verdict in report(folder, settings.models, Given(photos, labelled), large):
        click.echo(verdict.line + (" (TOO MUCH IS LOST)" if verdict.fails else ""))
        fails = fails or verdict.fails
    sys.exit(1 if fails else 0)

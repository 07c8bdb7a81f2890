"""`imgvec models build | quality`."""

import sys
from pathlib import Path

import click

from imgvec.cli.options import say
from imgvec.encoders.registry import find_folders
from imgvec.errors import ModelError
from imgvec.settings import load_settings
from imgvec_models.commands.options import FILE, FOLDER, build_tools


@click.command()
@click.argument("name")
@click.option(
    "--expect-revision",
    metavar="R",
    help="Reject a build of another revision (12 digits or more).",
)
@click.option("--allow-unpinned", is_flag=True, help="Build from files without a known digest.")
@click.option(
    "--photos",
    type=FOLDER,
    metavar="FOLDER",
    help="Photos on which int8 must stay near float32.",
)
@click.option(
    "--labelled",
    type=FOLDER,
    metavar="FOLDER",
    help="A folder of photos for each class. Zero-shot accuracy may lose one point.",
)
@click.option(
    "--scheme",
    metavar="NAME",
    help="pairs-static, pairs-dynamic or float16-weights. [default: the first that is near enough]",
)
@click.option("--float16", is_flag=True, help="Build for a GPU: half precision, no integers.")
def build(
    name: str,
    expect_revision: str | None,
    allow_unpinned: bool,
    photos: Path | None,
    labelled: Path | None,
    scheme: str | None,
    float16: bool,
) -> None:
    """Build the encoder NAME from its pulled files. IMGVEC_ENCODERS=NAME then serves it.

    Build once and copy the folder: another kind of machine may round differently, and its build
    would then have another revision.
    """
    with build_tools():
        from imgvec_models.hub.build import Demands
        from imgvec_models.hub.build import build as build_encoder
        from imgvec_models.hub.recipe import find_recipe
        from imgvec_models.quality.judge import Given
        from imgvec_models.quantisation.scheme import AUTO, HALF
    models = load_settings().models
    recipe = find_recipe(models, name)
    demands = Demands(
        expect_revision,
        allow_unpinned,
        HALF if float16 else scheme or AUTO,
        Given(photos, labelled),
    )
    manifest = build_encoder(recipe, models, demands, say)
    click.echo(f"{name} {manifest.revision}")
    say(f"Serve it with IMGVEC_ENCODERS={name} imgvec serve")


@click.command()
@click.argument("name", default="")
@click.option(
    "--photos",
    type=FOLDER,
    metavar="FOLDER",
    help="Your photos. A captions.json in it has a list of captions for each file name.",
)
@click.option(
    "--labelled",
    type=FOLDER,
    metavar="FOLDER",
    help="A folder of photos for each class, named after the class.",
)
@click.option(
    "--features", type=FOLDER, metavar="FOLDER", help="Cached features of towers. Needs --heads."
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
    """Measure the encoder NAME, or the preferred one, on the photos that ship or on yours.

    Near-duplicates, captions to photos and back, accuracy by names and by neighbours, int8
    against float32, size and time, in each space. The exit status is 1 if int8 loses too much.
    """
    with build_tools():
        from imgvec_models.quality.features import Heads, from_features
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

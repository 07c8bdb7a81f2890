"""`imgvec models`: encoders from the hub to the server."""

import sys
from pathlib import Path

import click
import orjson

from imgvec.cli.models_build import build, pin, pull
from imgvec.cli.terminal import build_tools
from imgvec.encoders.manifest import Manifest
from imgvec.encoders.registry import available, find_folders
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


@click.group()
def models() -> None:
    """Pull, pin, build, verify and list encoders.

    \b
      imgvec models pull clip-vit-b32     fetch the weights, and check them
      imgvec models build clip-vit-b32    make what is served of them
      IMGVEC_ENCODERS=clip-vit-b32 imgvec serve
    """


for command in (pull, pin, build, quality):
    models.add_command(command)


@models.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def list_(as_json: bool) -> None:
    """List the encoders, their spaces, revisions and licences."""
    settings = load_settings()
    manifests = available(settings.models)
    if as_json:
        rows = [_row(manifest, manifest.name in settings.encoders) for manifest in manifests]
        click.echo(orjson.dumps(rows))
        return
    click.echo(f"{'name':20}{'served':8}{'dimensions':18}{'revision':14}{'MB':>7}  licence")
    for manifest in manifests:
        served = "yes" if manifest.name in settings.encoders else "no"
        widths = ", ".join(str(width) for width in _widths(manifest))
        click.echo(
            f"{manifest.name:20}{served:8}{widths:18}{manifest.revision[:12]:14}"
            f"{_megabytes(manifest):>7}  {manifest.licence}"
        )


@models.command()
@click.argument("name", required=False)
def verify(name: str | None) -> None:
    """Compare files with what is known of them: of the encoder NAME, or of all.

    Pulled files are compared with their recipe, encoders with their manifest, by size and
    SHA-256. The exit status is 1 if anything is wrong.
    """
    with build_tools():
        from imgvec_models.hub.check import check_all, check_one
    folder = load_settings().models
    wrong = 0
    for finding in check_all(folder) if name is None else check_one(folder, name):
        click.echo(f"{finding.what}: {finding.problem or 'as it should be'}")
        wrong += finding.problem is not None
    sys.exit(1 if wrong else 0)


def _row(manifest: Manifest, served: bool) -> dict[str, object]:
    return {
        "name": manifest.name,
        "served": served,
        "dimensions": _widths(manifest),
        "revision": manifest.revision,
        "megabytes": _megabytes(manifest),
        "licence": manifest.licence,
    }


def _widths(manifest: Manifest) -> list[int]:
    return sorted(space.dimensions for space in manifest.spaces)


def _megabytes(manifest: Manifest) -> float:
    return round(sum(file.size for file in manifest.files.every) / 1e6, 1)

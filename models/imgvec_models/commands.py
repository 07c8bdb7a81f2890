"""`imgvec models`: encoders from the hub to the server. What is slow to import is imported late."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import orjson

from imgvec.cli.options import say
from imgvec.encoders.manifest import Manifest
from imgvec.encoders.registry import available, find_folders
from imgvec.errors import ModelError
from imgvec.settings import Settings, load_settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FROM = click.option(
    "--from",
    "source",
    type=FOLDER,
    metavar="FOLDER",
    help="Copy FOLDER/<repository>/<path>, and use no network.",
)


@contextmanager
def build_tools() -> Iterator[None]:
    """Import from `imgvec_models` in here; where it is left out, one sentence says so."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"This needs {missing.name}, which a server is installed without: "
            "pip install 'imgvec[models]'"
        ) from None


@click.command()
@click.argument("name")
@FROM
def pull(name: str, source: Path | None) -> None:
    """Download the files of the encoder NAME, and check their size and SHA-256.

    An interrupted download goes on where it stopped. IMGVEC_HUB names a mirror, HTTPS_PROXY a
    proxy. No code of a pulled file is ever executed.
    """
    with build_tools():
        from imgvec_models.hub.pull import pull as pull_files
        from imgvec_models.hub.recipe import find_recipe
    settings = load_settings()
    recipe = find_recipe(settings.models, name)
    received = pull_files(recipe, settings.models, _hub(settings), source, say)
    for role, file in recipe.files.items():
        state = "unpinned" if file.sha256 is None else "as pinned"
        size = received[role].size / 1e6
        click.echo(f"{recipe.local_path(role):16}{size:8.1f} MB  {received[role].sha256}  {state}")
    if recipe.unpinned:
        say(f"Not all digests are known: `imgvec models pin {name}` writes those of these files")


@click.command()
@click.argument("name")
@FROM
def pin(name: str, source: Path | None) -> None:
    """Trust the present files of NAME, and write their digests into its recipe.

    For an encoder of your own: write its recipe without digests, pin it, then review the recipe.
    Files that were pinned before must not have changed.
    """
    with build_tools():
        from imgvec_models.hub.pull import pull as pull_files
        from imgvec_models.hub.recipe import find_recipe, pinned, write_recipe
    settings = load_settings()
    recipe = find_recipe(settings.models, name)
    received = pull_files(recipe, settings.models, _hub(settings), source, say)
    path = write_recipe(pinned(recipe, received), settings.models)
    for role in recipe.files:
        new = "pinned now" if role in recipe.unpinned else "as pinned"
        click.echo(f"{role:10}{received[role].size:>12} bytes  {received[role].sha256}  {new}")
    say(f"Written to {path}: review it, and keep it with your deployment")


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
@click.option("--float16", is_flag=True, help="Build for a GPU: half precision, no integers.")
def build(
    name: str,
    expect_revision: str | None,
    allow_unpinned: bool,
    photos: Path | None,
    labelled: Path | None,
    float16: bool,
) -> None:
    """Build the encoder NAME from its pulled files. IMGVEC_ENCODERS=NAME then serves it.

    Build once and copy the folder: another kind of machine may round differently, and its build
    would then have another revision.
    """
    with build_tools():
        from imgvec_models.build.encoder import FLOAT16
        from imgvec_models.hub.build import Demands
        from imgvec_models.hub.build import build as build_encoder
        from imgvec_models.hub.recipe import find_recipe
        from imgvec_models.quality.judge import Given
        from imgvec_models.quantisation.scheme import DEFAULT
    models = load_settings().models
    recipe = find_recipe(models, name)
    demands = Demands(
        expect_revision,
        allow_unpinned,
        FLOAT16 if float16 else DEFAULT,
        Given(photos, labelled),
    )
    manifest = build_encoder(recipe, models, demands, say)
    click.echo(f"{name} {manifest.revision}")
    say(f"Serve it with IMGVEC_ENCODERS={name} imgvec serve")


def _hub(settings: Settings) -> str | None:
    """IMGVEC_HUB where it is set; None leaves HF_ENDPOINT to the hub's own client."""
    return str(settings.hub).rstrip("/") if "hub" in settings.model_fields_set else None


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


@click.group()
def models() -> None:
    """Pull, pin, build, verify and list encoders.

    \b
      imgvec models pull clip-vit-b32     download the weights, and check them
      imgvec models build clip-vit-b32    build the encoder from them
      IMGVEC_ENCODERS=clip-vit-b32 imgvec serve
    """


for command in (pull, pin, build, quality):
    models.add_command(command)


@models.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def list_(as_json: bool) -> None:
    """List the encoders with their dimensions, revisions and licences."""
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
    """Check the files of the encoder NAME, or of all, against their digests.

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

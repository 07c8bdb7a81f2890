"""`imgvec models pull`, `pin` and `build`."""

from pathlib import Path

import click

from imgvec.cli.terminal import build_tools, say
from imgvec.settings import Settings, load_settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FROM = click.option(
    "--from",
    "source",
    type=FOLDER,
    metavar="FOLDER",
    help="Copy from FOLDER, where files lie as <repository>/<path>, and use no network.",
)


@click.command()
@click.argument("name")
@FROM
def pull(name: str, source: Path | None) -> None:
    """Fetch the files that the encoder NAME is built of, checked by size and SHA-256.

    What was interrupted goes on where it stopped. IMGVEC_HUB names a mirror; a proxy is used
    where HTTPS_PROXY names one. Nothing in a pulled file is ever executed.
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
    """Trust the files of NAME as they are now, and write their digests into its recipe.

    For an encoder of your own: write its recipe without digests, pin it, review what was written.
    Files that are pinned already must be as they were.
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
    help="Refuse a build of another revision (its first 12 digits or more).",
)
@click.option("--allow-unpinned", is_flag=True, help="Build of files whose digests are not known.")
@click.option(
    "--photos",
    type=FOLDER,
    metavar="FOLDER",
    help="Photos on which int8 must keep to float32.",
)
@click.option(
    "--labelled",
    type=FOLDER,
    metavar="FOLDER",
    help="Folders of photos, each called after its class: zero-shot may lose one point.",
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
    """Build the encoder NAME of its pulled files: what IMGVEC_ENCODERS can name from then on.

    A build is an artefact to carry: another kind of machine may round differently, and its
    vectors would then be of another revision.
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

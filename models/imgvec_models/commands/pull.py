"""`imgvec models pull | pin | verify`."""

import sys
from pathlib import Path

import click

from imgvec.cli.options import say
from imgvec.settings import load_settings
from imgvec_models.commands.options import FROM, build_tools, hub_of


@click.command()
@click.argument("name")
@click.option("--name", "chosen", metavar="NAME", help="What to call the encoder of OWNER/REPO.")
@FROM
def pull(name: str, chosen: str | None, source: Path | None) -> None:
    """Download the files of the encoder NAME, and check their size and SHA-256.

    In the place of NAME, OWNER/REPO is a repository of the hub in immich's layout, for example
    immich-app/ViT-B-16-SigLIP2__webli. A recipe is derived of it and written, without digests.

    An interrupted download goes on where it stopped. IMGVEC_HUB names a mirror, HTTPS_PROXY a
    proxy. No code of a pulled file is ever executed.
    """
    with build_tools():
        from imgvec_models.hub.derive import complete, derive, is_repository
        from imgvec_models.hub.pull import pull as pull_files
        from imgvec_models.hub.pull import source_of
        from imgvec_models.hub.recipe import find_recipe, recipe_name
    settings = load_settings()
    files = source_of(hub_of(settings), source)
    if is_repository(name):
        repository, name = name, chosen or recipe_name(name)
        recipe = derive(repository, name, settings.models, files, say)
    elif chosen is None:
        recipe = find_recipe(settings.models, name)
    else:
        raise click.UsageError("--name is for OWNER/REPO")
    if recipe.terms is not None:
        say(recipe.terms)
    recipe = complete(recipe, settings.models, files, say)
    received = pull_files(recipe, settings.models, files, say)
    for role in recipe.files:
        local = recipe.local_files(role).items()
        for (path, file), found in zip(local, received[role].every, strict=True):
            state = "unpinned" if file.sha256 is None else "as pinned"
            click.echo(f"{path:16}{found.size / 1e6:8.1f} MB  {found.sha256}  {state}")
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
        from imgvec_models.hub.derive import complete
        from imgvec_models.hub.pull import pull as pull_files
        from imgvec_models.hub.pull import source_of
        from imgvec_models.hub.recipe import find_recipe, pinned, write_recipe
    settings = load_settings()
    recipe = find_recipe(settings.models, name)
    files = source_of(hub_of(settings), source)
    recipe = complete(recipe, settings.models, files, say)
    received = pull_files(recipe, settings.models, files, say)
    path = write_recipe(pinned(recipe, received), settings.models)
    for role, file in recipe.files.items():
        commit = received[role].commit
        if file.revision is None and commit is not None:
            click.echo(f"{role:10}commit {commit}")
        parts = recipe.local_files(role).values()
        for part, found in zip(parts, received[role].every, strict=True):
            new = "pinned now" if part.sha256 is None else "as pinned"
            click.echo(f"{role:10}{found.size:>12} bytes  {found.sha256}  {new}")
    say(f"Written to {path}: review it, and keep it with your deployment")


@click.command()
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

"""`imgvec models export`."""

from pathlib import Path

import click

from imgvec.cli.options import say
from imgvec.settings import load_settings
from imgvec_models.commands.options import build_tools
from imgvec_models.export.wanted import read_wanted
from imgvec_models.hub.recipe import name_of, recipe_name, recipe_paths

OUT = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("model")
@click.option(
    "--out",
    type=OUT,
    metavar="FOLDER",
    help="Where to write it; `exported` in the models folder otherwise.",
)
def export(model: str, out: Path | None) -> None:
    """Export MODEL, which is open_clip:MODEL/PRETRAINED, to two ONNX towers.

    \b
      imgvec models export open_clip:MobileCLIP2-S2/dfndr2b
      imgvec models export open_clip:local-dir:FOLDER

    open_clip fetches the weights with its own means. A FOLDER holds open_clip_config.json, the
    weights and the tokenizer. open_clip:MODEL/ has random weights, for tests.
    """
    wanted = read_wanted(model)
    with build_tools("export"):
        from imgvec_models.export.open_clip import export as write
    if wanted.random:
        say(f"RANDOM WEIGHTS: {model} names none, so the vectors mean nothing")
    models = load_settings().models
    folder = out or models / "exported"
    click.echo(write(wanted, folder, say))
    name = name_of(wanted.repository, models) or recipe_name(wanted.repository)
    known = name in recipe_paths(models)
    say(f"Next: imgvec models pull {name if known else wanted.repository} --from {folder}")
    say(f"then: imgvec models pin {name} && imgvec models build {name}")

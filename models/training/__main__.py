"""The command line: `python -m training --help`."""

import json
from functools import partial
from pathlib import Path

import click
import torch
from pydantic import TypeAdapter, ValidationError

from imgvec.encoders.manifest import Name
from imgvec_models.calibration.feeds import PHOTOS
from training.evaluate import agreement, captioned, labelled, names
from training.export import VOCABULARY, describe, export, quantise_exported
from training.features import (
    TEST,
    TRAINING,
    VALIDATION,
    read_captioned,
    read_classes,
    read_labelled,
)
from training.heads import Heads, Linear, load, save
from training.starter import held_out, train_heads
from training.towers import classifier

CLASSES = "imagenet_classes.npz"


FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
FEATURES = click.option("--features", "folder", type=FOLDER, required=True, help="Cached features.")
WITHOUT = click.option(
    "--without", type=FILE, help="JSON object whose keys are photos to leave out."
)
START = click.option("--start", "older", type=FILE, help="Heads without a layout to begin with.")
TEXTS = click.option("--texts", type=FILE, help="Lines of text whose words keep their own tokens.")
CALIBRATION = click.option(
    "--photos", type=FOLDER, default=PHOTOS, help="Photos to calibrate with."
)


def require_name(context: click.Context, parameter: click.Parameter, folder: Path) -> Path:
    """Refuse a folder whose name is none for an encoder, before minutes of work."""
    try:
        TypeAdapter(Name).validate_python(folder.name)
    except ValidationError:
        raise click.BadParameter(
            f"{folder.name!a} is no name for an encoder: small letters, digits and hyphens"
        ) from None
    return folder


@click.group()
@click.option("--threads", default=1, show_default=True, help="Threads to train on.")
def main(threads: int) -> None:
    """Train, measure, export and quantise the starter's heads."""
    torch.set_num_threads(threads)


@main.command()
@FEATURES
@click.option("--out", type=NEW_FILE, required=True, help="Heads file to write.")
@click.option("--final", is_flag=True, help="Train on the validation photos and all classes too.")
@WITHOUT
@START
def train(folder: Path, out: Path, final: bool, without: Path | None, older: Path | None) -> None:
    """Train heads from cached features; a few minutes on one core.

    Without --final, prints what they reach on the validation split and on class names that they
    never saw: the figures to choose by. (Heads to start with may have seen those names.)
    """
    photos = read_captioned(folder)
    start = load(older) if older else None
    classes, tower = read_classes(folder / CLASSES), classifier()
    left_out = (
        frozenset(json.loads(without.read_text(encoding="utf-8"))) if without else frozenset()
    )
    if final:
        pairs = photos.part(TRAINING, VALIDATION, without=left_out)
        save(train_heads(folder, pairs, classes, tower, click.echo, start), out)
        return
    seen, unseen = held_out(len(classes.features))
    heads = train_heads(
        folder,
        photos.part(TRAINING, without=left_out),
        classes.classes(seen),
        Linear(tower.weight[seen], tower.bias[seen]),
        click.echo,
        start,
    )
    save(heads, out)
    _validate(heads, folder)
    for line in names(heads, classes, seen, unseen):
        click.echo(line)


@main.command()
@FEATURES
@click.option("--heads", "path", type=FILE, required=True, help="Heads file to measure.")
@click.option("--test", is_flag=True, help="On the test splits; never choose by them.")
def evaluate(folder: Path, path: Path, test: bool) -> None:
    """Print the table of figures at 512, 768 and 1024 dimensions."""
    heads = load(path)
    _validate(heads, folder)
    if test:
        click.echo("Flickr8k, test")
        for line in captioned(heads, read_captioned(folder).part(TEST)):
            click.echo(line)
        click.echo("Caltech-101")
        for line in labelled(heads, read_labelled(folder / "caltech101_test.npz")):
            click.echo(line)


@main.command("export")
@click.option("--heads", "path", type=FILE, required=True, help="Heads file.")
@TEXTS
@click.option("--out", type=NEW_FOLDER, required=True, help="Folder for the three files.")
@click.option("--vocabulary", default=VOCABULARY, show_default=True, help="Tokens to keep.")
def write(path: Path, texts: Path | None, out: Path, vocabulary: int) -> None:
    """Write both towers as fp32 ONNX, and the tokenizer, for the quantiser."""
    heads = load(path)
    if heads.layout is None:
        raise click.UsageError(f"{path} has no layout: train heads with this tool")
    lines = texts.read_text(encoding="utf-8").splitlines() if texts else []
    try:
        export(heads, heads.layout, lines, vocabulary, out)
    except ValueError as refused:
        raise click.UsageError(f"--vocabulary {vocabulary}: {refused}") from None


@main.command()
@click.option(
    "--files",
    "folder",
    type=FOLDER,
    required=True,
    callback=require_name,
    help="Folder of exported files; the encoder is called after it.",
)
@CALIBRATION
def quantise(folder: Path, photos: Path) -> None:
    """Write both exported towers as int8 and their manifest; print sizes and what they lose."""
    for line in quantise_exported(folder, photos, partial(click.echo, err=True)):
        click.echo(line)
    click.echo(f"{folder.name} {describe(folder).revision}")


@main.command()
@FEATURES
@WITHOUT
@START
@TEXTS
@CALIBRATION
@click.option(
    "--out",
    type=NEW_FOLDER,
    required=True,
    callback=require_name,
    help="Folder for heads and towers; the encoder is called after it.",
)
@click.pass_context
def build(
    context: click.Context,
    folder: Path,
    without: Path | None,
    older: Path | None,
    texts: Path | None,
    photos: Path,
    out: Path,
) -> None:
    """All of it: train the final heads, export and quantise both towers, print the table."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "heads.npz"
    context.invoke(train, folder=folder, out=path, final=True, without=without, older=older)
    context.invoke(write, path=path, texts=texts, out=out, vocabulary=VOCABULARY)
    context.invoke(quantise, folder=out, photos=photos)
    context.invoke(evaluate, folder=folder, path=path, test=True)


def _validate(heads: Heads, folder: Path) -> None:
    click.echo("Flickr8k, validation")
    photos = read_captioned(folder).part(VALIDATION)
    for line in captioned(heads, photos):
        click.echo(line)
    click.echo(agreement(heads, photos, read_classes(folder / CLASSES), classifier()))


if __name__ == "__main__":
    main()

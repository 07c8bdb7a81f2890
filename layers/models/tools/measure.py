"""Measure an encoder on a folder of photos; the model card's figures come from here.

Run it from a checkout:

    python layers/models/tools/measure.py --photos FOLDER [--captions captions.json]
"""

import json
from pathlib import Path

import click

from imgvec.encoders.onnx import OnnxEncoder
from tools.experiments import Bench, decoding, duplicates, text_to_image
from tools.photos import read_photos

STARTER = Path(__file__).parents[1] / "starter"
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--photos", "folder", type=FOLDER, required=True, help="Folder of photos.")
@click.option("--captions", type=FILE, help="JSON object of a list of captions for each file name.")
@click.option("--encoder", type=FOLDER, default=STARTER, help="Folder of the encoder to measure.")
@click.option("--large", default=20, help="Photos to enlarge to a camera's 12 megapixels.")
def main(folder: Path, captions: Path | None, encoder: Path, large: int) -> None:
    """Measure decoding, then near-duplicates, similarities and text to image in every space."""
    loaded = OnnxEncoder(encoder)
    photos = read_photos(folder)
    click.echo(f"{loaded.name}, revision {loaded.revision[:12]}: {len(photos)} photos")
    for line in decoding(Bench(loaded, max(loaded.dimensions)), photos, large):
        click.echo(line)
    for dimensions in sorted(loaded.dimensions):
        click.echo(f"\n{dimensions} dimensions")
        bench = Bench(loaded, dimensions)
        for line in duplicates(bench, photos):
            click.echo(line)
        if captions is not None:
            texts = json.loads(captions.read_text(encoding="utf-8"))
            click.echo(text_to_image(bench, photos, texts))


if __name__ == "__main__":
    main()

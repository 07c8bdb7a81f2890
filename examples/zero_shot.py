"""CLIP's zero-shot example: which caption fits a photo?

    python examples/zero_shot.py clip-vit-b32 examples/cat.jpg "a photo of a cat" "a photo of a dog"

A caption's score is its cosine to the photo times 100, CLIP's learned scale, and a softmax over
all captions. The exit status is 1 unless the first one fits best.
"""

import sys
from pathlib import Path

import click
import numpy as np

from imgvec import Encoder
from imgvec.errors import ImgvecError

JOINT = {"clip-vit-l14": 768, "siglip2-b16": 768, "siglip2-l16": 1024}
"""The fewest dimensions are those where texts and images meet; more hold other features too."""


@click.command()
@click.argument("name")
@click.argument("photo", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("captions", nargs=-1, required=True)
def main(name: str, photo: Path, captions: tuple[str, ...]) -> None:
    """Print how well each of CAPTIONS fits PHOTO, by the encoder NAME."""
    try:
        encoder = Encoder(name, JOINT.get(name, 512))
        scores = 100 * (encoder.texts(captions) @ encoder.images([photo])[0])
    except ImgvecError as problem:
        raise click.ClickException(str(problem)) from None
    shares = np.exp(scores - scores.max())
    for caption, share in zip(captions, shares / shares.sum(), strict=True):
        click.echo(f"{share:7.1%}  {caption}")
    sys.exit(int(shares.argmax() != 0))


if __name__ == "__main__":
    main()

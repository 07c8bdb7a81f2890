"""CLIP's zero-shot example: which caption fits a photo?

    python examples/zero_shot.py clip-vit-b32 examples/cat.jpg "a photo of a cat" "a photo of a dog"

A caption's score is its cosine to the photo times 100, CLIP's learned scale, and a softmax over
all captions. The exit status is 1 unless the first one fits best.
"""

import sys
from pathlib import Path

import click
import numpy as np

from imgvec.encoders.registry import load_encoders
from imgvec.errors import ImgvecError
from imgvec.images.decode import ImageLimits, decode
from imgvec.settings import load_settings

SCALE = 100
LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1)


@click.command()
@click.argument("encoder")
@click.argument("photo", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("captions", nargs=-1, required=True)
def main(encoder: str, photo: Path, captions: tuple[str, ...]) -> None:
    """Print how well each of CAPTIONS fits PHOTO, in the narrowest space of ENCODER."""
    settings = load_settings().model_copy(update={"encoders": (encoder,)})
    try:
        (loaded,) = load_encoders(settings)
        pixels = decode(photo.read_bytes(), loaded.image_size, LIMITS)
        dimensions = min(loaded.dimensions)
        image = loaded.encode_image(pixels, dimensions)
        texts = np.stack([loaded.encode_text(text, dimensions)[0] for text in captions])
    except ImgvecError as problem:
        raise click.ClickException(str(problem)) from None
    scores = SCALE * (texts @ image)
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    for caption, share in zip(captions, shares, strict=True):
        click.echo(f"{share:7.1%}  {caption}")
    sys.exit(0 if shares.argmax() == 0 else 1)


if __name__ == "__main__":
    main()

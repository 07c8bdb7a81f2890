"""`imgvec models`: encoders from the hub to the server."""

import click

from imgvec_models.commands.build import build, quality
from imgvec_models.commands.export import export
from imgvec_models.commands.pull import pin, pull, verify
from imgvec_models.commands.show import info, list_


@click.group()
def models() -> None:
    """Pull, pin, export, build, verify and list encoders.

    \b
      imgvec models pull clip-vit-b32     download the weights, and check them
      imgvec models build clip-vit-b32    build the encoder from them
      IMGVEC_ENCODERS=clip-vit-b32 imgvec serve
    """


for command in (pull, pin, export, build, quality, list_, info, verify):
    models.add_command(command)

__all__ = ["models", "quality"]

"""The command `imgvec`."""

import sys

import click

from imgvec import __version__
from imgvec.cli.bench import bench
from imgvec.cli.cost import cost
from imgvec.cli.embed import embed
from imgvec.cli.keys import keys
from imgvec.cli.models import models
from imgvec.cli.plans import plans
from imgvec.cli.serve import serve
from imgvec.cli.usage import actions, usage
from imgvec.errors import ImgvecError

HELP = """Image embeddings behind your own URL, in the dialects of four vendor APIs.

\b
  imgvec serve                  answer on http://127.0.0.1:8000
  imgvec keys create my-team    make an API key
  imgvec embed photos/          embed a folder, without a server

Settings are environment variables IMGVEC_*; docs/settings.md lists them.
"""


@click.group(help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imgvec")
def group() -> None:
    """Hold the commands together."""


for command in (serve, embed, keys, plans, usage, actions, models, bench, cost):
    group.add_command(command)


def main() -> None:
    """Run the command line; what goes wrong on purpose is one sentence and no traceback."""
    try:
        group()
    except ImgvecError as problem:
        click.echo(f"imgvec: {problem}", err=True)
        sys.exit(2)

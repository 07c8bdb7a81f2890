"""The command `imgvec`."""

import errno
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Final

import click

from imgvec import __version__
from imgvec.cli.assets import assets
from imgvec.cli.bulk_jobs import bulk_jobs
from imgvec.cli.consumers import consumers
from imgvec.cli.embed import embed
from imgvec.cli.groups import cluster, duplicates
from imgvec.cli.keys import keys
from imgvec.cli.plans import plans
from imgvec.cli.search import index, search
from imgvec.cli.serve import serve
from imgvec.cli.statement import statement
from imgvec.cli.usage import actions, usage
from imgvec.errors import ImgvecError

HELP = """Image embeddings behind your own URL, in the API that you already call.

\b
  imgvec serve                  answer on http://127.0.0.1:8000
  imgvec keys create my-team    make an API key
  imgvec embed photos/          embed a folder, without a server
  imgvec index photos/          remember a folder's vectors, for the next two
  imgvec search "a red car"     find photos by text, photo or URL
  imgvec duplicates             find photos that are nearly the same

Settings are environment variables IMGVEC_*. docs/reference/settings.md lists them.
"""


ELSEWHERE = {"bench": "imgvec_benchmarks", "cost": "imgvec_benchmarks", "models": "imgvec_models"}
"""Commands that are no part of the library, and the packages that have them."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        package = ELSEWHERE.get(cmd_name)
        if package is None:
            return super().get_command(ctx, cmd_name)
        try:
            module = import_module(f"{package}.commands")
        except ModuleNotFoundError as missing:
            return _absent(cmd_name, str(missing.name))
        command: click.Command = getattr(module, cmd_name)
        return command


def _absent(command: str, package: str) -> click.Command:
    def stop(**_: object) -> None:
        raise ImgvecError(
            f"`imgvec {command}` needs {package}, which is not installed here: "
            "use a clone, or the wheel of imgvec"
        )

    settings = {"ignore_unknown_options": True}
    rest = click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(command, settings, stop, [rest], help=f"Needs {package}.")


@click.group(cls=_Commands, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imgvec")
def group() -> None:
    """Hold the commands together."""


for command in (
    serve,
    embed,
    bulk_jobs,
    index,
    search,
    duplicates,
    cluster,
    keys,
    plans,
    consumers,
    assets,
    usage,
    statement,
    actions,
):
    group.add_command(command)


FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""The errors of a write for which there is no room."""


def main() -> None:
    """Run the command line; what goes wrong on purpose is one sentence and no traceback."""
    try:
        try:
            group()
        finally:
            # Here and not at the end of the interpreter, which could only complain.
            if sys.stdout is not None:
                sys.stdout.flush()
    except ImgvecError as problem:
        click.echo(f"imgvec: {problem}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # Nobody reads on, as behind `| head`.
        _drop_output()
        sys.exit(1)
    except OSError as problem:
        if problem.errno not in FULL or problem.filename is not None:
            raise
        _drop_output()
        with suppress(OSError):
            click.echo(f"imgvec: Cannot write the output: {problem.strerror}", err=True)
        sys.exit(1)


def _drop_output() -> None:
    """Let what could not be written vanish: the interpreter writes its buffers once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
